package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedServer;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The collections of servers (LEDS) that a stream subscribed to. What it has been sent of each is
 * one number, its cursor in the collection's log, whatever the size of the fleet.
 */
final class LedsSubscription implements Subscription<DeltaDiscoveryRequest> {
  /** With so few servers, a response names them. */
  private static final int NAMED = 3;

  private final LedsAssignments assignments;
  private final CollectionLogs logs;
  private final Map<String, CollectionCursor> cursors = new LinkedHashMap<>();

  /** The collections that were sent as a whole. */
  private final Set<String> everSent = new HashSet<>();

  private CollectionCursor lastCursor;
  private Batch last;

  /** How far the stream is with one collection, known by one of its names. */
  private static final class CollectionCursor {
    private final String collection;

    /** Whose it is; null before that was looked up. */
    private String service;

    private long position = CollectionLog.NOTHING;

    /** What the Envoy says that it has, by name; empty once that was looked at. */
    private Map<String, String> reported;

    /** Parts of a batch that was rejected, which are sent by themselves. */
    private final Deque<Batch> parts = new ArrayDeque<>(0);

    private boolean absenceSent;

    /** Whether it was asked for again as a whole. */
    private boolean again;

    private CollectionCursor(String collection, Map<String, String> reported) {
      this.collection = collection;
      this.reported = reported;
    }

    private boolean begun() {
      return position != CollectionLog.NOTHING || absenceSent;
    }

    private void startOver() {
      again = false;
      position = CollectionLog.NOTHING;
      reported = Map.of();
      parts.clear();
      absenceSent = false;
    }
  }

  LedsSubscription(LedsAssignments assignments, CollectionLogs logs) {
    this.assignments = assignments;
    this.logs = logs;
  }

  @Override
  public void request(DeltaDiscoveryRequest request) {
    for (String name : request.getResourceNamesSubscribeList()) {
      CollectionCursor known = cursors.get(name);
      if (known != null) {
        // Subscribing once more asks for it once more.
        known.again = known.again || known.begun();
        continue;
      }
      Map<String, String> reported = new HashMap<>();
      if (name.endsWith("*")) {
        String prefix = name.substring(0, name.length() - 1);
        request
            .getInitialResourceVersionsMap()
            .forEach(
                (member, version) -> {
                  if (member.startsWith(prefix)) {
                    reported.put(member.substring(prefix.length()), version);
                  }
                });
      }
      CollectionCursor cursor = new CollectionCursor(name, reported);
      cursor.again = everSent.contains(name);
      cursors.put(name, cursor);
    }
    request.getResourceNamesUnsubscribeList().forEach(cursors::remove);
  }

  @Override
  public void forget(Set<String> names) {
    // A service's assignment is sent with another name for the collection, which starts over.
  }

  @Override
  public Optional<PendingResponse> next(Served served, boolean mayRepeat) {
    for (CollectionCursor cursor : cursors.values()) {
      // What has gone since is said first: a whole does not say it.
      Optional<PendingResponse> reply =
          cursor.again && !cursor.begun() ? Optional.empty() : next(cursor, served, false);
      if (reply.isEmpty() && cursor.again && mayRepeat) {
        cursor.startOver();
        reply = next(cursor, served, true);
      }
      if (reply.isPresent()) {
        return reply;
      }
    }
    return Optional.empty();
  }

  @Override
  public boolean owesRepeat() {
    return cursors.values().stream().anyMatch(cursor -> cursor.again);
  }

  @Override
  public long held() {
    long bytes = Subscription.held(cursors.keySet()) + Subscription.held(everSent);
    for (CollectionCursor cursor : cursors.values()) {
      bytes +=
          Subscription.held(cursor.reported.keySet()) + Subscription.held(cursor.reported.values());
    }
    return bytes;
  }

  @Override
  public boolean isWhole() {
    return false;
  }

  @Override
  public int size() {
    return cursors.size();
  }

  @Override
  public void offerAgain(Set<String> servers) {
    for (CollectionCursor cursor : cursors.values()) {
      if (cursor.begun() && cursor.service != null) {
        logs.of(cursor.service).only(servers).ifPresent(cursor.parts::add);
      }
    }
  }

  private Optional<PendingResponse> next(CollectionCursor cursor, Served served, boolean repeats) {
    for (ServedCollection collection : served.collections().values()) {
      for (ServedCollection.Name name : collection.names()) {
        if (name.collection().equals(cursor.collection)) {
          return assignments.gives(collection.name(), name)
              ? unseen(cursor, collection, name, repeats)
              : Optional.empty();
        }
      }
    }
    if (cursor.absenceSent) {
      return Optional.empty();
    }
    cursor.absenceSent = true;
    return Optional.of(
        new PendingResponse(
            Encoding.incremental(XdsTypes.MEMBER, "", List.of(), List.of(cursor.collection)),
            "",
            Set.of(),
            repeats));
  }

  private Optional<PendingResponse> unseen(
      CollectionCursor cursor,
      ServedCollection collection,
      ServedCollection.Name name,
      boolean repeats) {
    CollectionLog log = logs.of(collection.name());
    cursor.service = collection.name();
    Optional<Batch> batch;
    if (!cursor.parts.isEmpty()) {
      batch = Optional.of(cursor.parts.poll());
    } else if (log.forgotSince(cursor.position)) {
      // It starts over, under the collection's other name.
      assignments.forget(Set.of(collection.name()));
      cursor.position = log.head();
      return Optional.empty();
    } else if (!cursor.reported.isEmpty()) {
      batch = Optional.of(log.newTo(cursor.reported)).filter(b -> b.size() > 0);
      cursor.position = batch.map(Batch::upTo).orElseGet(log::head);
      cursor.reported = Map.of();
    } else {
      batch = log.since(cursor.position);
      batch.ifPresent(b -> cursor.position = b.upTo());
    }
    lastCursor = cursor;
    last = batch.orElse(null);
    if (last != null) {
      everSent.add(cursor.collection);
    }
    return batch.map(
        b ->
            new PendingResponse(
                b.bytes(name.prefix()),
                () -> b.encoded(name.prefix()),
                b.version(),
                serverNames(b),
                repeats));
  }

  @Override
  public void rejected() {
    if (last == null) {
      return;
    }
    // One server that an Envoy does not take must not keep the others from it.
    List<Batch> halves = last.halves();
    for (int i = halves.size() - 1; i >= 0; i--) {
      lastCursor.parts.push(halves.get(i));
    }
    last = null;
  }

  private static Set<String> serverNames(Batch batch) {
    return batch.size() > NAMED
        ? Set.of()
        : batch.changed().stream().map(ServedServer::key).collect(Collectors.toSet());
  }
}
