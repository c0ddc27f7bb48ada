package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedServer;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The collections of servers (LEDS) that a stream subscribed to. What it has been told of each is
 * one number, its place in the collection's log, whatever the size of the fleet.
 */
final class Members implements Subscription<DeltaDiscoveryRequest> {
  /** Of so few servers a reply says which they are. */
  private static final int NAMED = 3;

  private final Assignments assignments;
  private final CollectionLogs logs;
  private final Map<String, Place> places = new LinkedHashMap<>();
  private Place lastPlace;
  private Batch last;

  /** How far the stream is with one collection, known by one of its names. */
  private static final class Place {
    private final String collection;
    private long cursor = CollectionLog.NOTHING;

    /** What the Envoy says that it has, by name; empty once that was looked at. */
    private Map<String, String> reported;

    /** Parts of something that was refused, which are sent by themselves. */
    private final Deque<Batch> pieces = new ArrayDeque<>(0);

    private boolean toldAbsent;

    private Place(String collection, Map<String, String> reported) {
      this.collection = collection;
      this.reported = reported;
    }
  }

  Members(Assignments assignments, CollectionLogs logs) {
    this.assignments = assignments;
    this.logs = logs;
  }

  @Override
  public void request(DeltaDiscoveryRequest request) {
    for (String name : request.getResourceNamesSubscribeList()) {
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
      // Subscribing once more asks to be told once more.
      places.put(name, new Place(name, reported));
    }
    request.getResourceNamesUnsubscribeList().forEach(places::remove);
  }

  @Override
  public void forget(Set<String> names) {
    // A service's assignment is sent with another name for the collection, which begins anew.
  }

  @Override
  public Optional<Reply> next(Served served) {
    for (Place place : places.values()) {
      Optional<Reply> reply = next(place, served);
      if (reply.isPresent()) {
        return reply;
      }
    }
    return Optional.empty();
  }

  private Optional<Reply> next(Place place, Served served) {
    for (ServedCollection collection : served.collections().values()) {
      for (ServedCollection.Name name : collection.names()) {
        if (name.collection().equals(place.collection)) {
          return assignments.gives(collection.name(), name)
              ? unseen(place, collection, name)
              : Optional.empty();
        }
      }
    }
    if (place.toldAbsent) {
      return Optional.empty();
    }
    place.toldAbsent = true;
    return Optional.of(
        new Reply(
            Encoding.incremental(XdsTypes.MEMBER, "", List.of(), List.of(place.collection)),
            "",
            Set.of()));
  }

  private Optional<Reply> unseen(
      Place place, ServedCollection collection, ServedCollection.Name name) {
    CollectionLog log = logs.of(collection.name());
    Optional<Batch> batch;
    if (!place.pieces.isEmpty()) {
      batch = Optional.of(place.pieces.poll());
    } else if (log.forgotSince(place.cursor)) {
      // It is told to begin anew, under the collection's other name.
      assignments.forget(Set.of(collection.name()));
      place.cursor = log.head();
      return Optional.empty();
    } else if (!place.reported.isEmpty()) {
      batch = Optional.of(log.newTo(place.reported)).filter(b -> b.size() > 0);
      place.cursor = batch.map(Batch::upTo).orElseGet(log::head);
      place.reported = Map.of();
    } else {
      batch = log.since(place.cursor);
      batch.ifPresent(b -> place.cursor = b.upTo());
    }
    lastPlace = place;
    last = batch.orElse(null);
    return batch.map(
        b ->
            new Reply(
                b.bytes(name.prefix()), () -> b.encoded(name.prefix()), b.version(), named(b)));
  }

  @Override
  public void refused() {
    if (last == null) {
      return;
    }
    // One server that an Envoy does not take must not keep the others from it.
    List<Batch> halves = last.halves();
    for (int i = halves.size() - 1; i >= 0; i--) {
      lastPlace.pieces.push(halves.get(i));
    }
    last = null;
  }

  private static Set<String> named(Batch batch) {
    return batch.size() > NAMED
        ? Set.of()
        : batch.changed().stream().map(ServedServer::key).collect(Collectors.toSet());
  }
}
