package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedServer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * The changes of one collection in their order, of each server only the last. A stream remembers up
 * to where it has been sent, its cursor; what it has not seen is the end of this log, so that a
 * slow one finds the newest state of each server there and nothing twice.
 *
 * <p>Servers that went are remembered too, though not for ever: a stream whose cursor lies before
 * what is remembered has to start over.
 */
public final class CollectionLog {
  /** The cursor of a stream that has been sent nothing. */
  public static final long NOTHING = -1;

  /** As many batches are kept for streams that are equally far. */
  private static final int BATCHES = 16;

  /** So many servers that went are remembered, or as many as there are if those are more. */
  private static final int DEPARTED = 1_000;

  private final Map<String, Entry> byKey = new HashMap<>();
  private final NavigableMap<Long, Entry> byAge = new TreeMap<>();
  private final Map<Long, Batch> batches = new LinkedHashMap<>();
  private ServedCollection now;
  private long head;
  private long forgotten;
  private int departed;

  /**
   * The last change of a server.
   *
   * @param server empty if it went
   */
  private record Entry(long at, String key, Optional<ServedServer> server) {}

  /** Takes the collection as it is from now on. */
  public synchronized void become(ServedCollection next) {
    if (next.equals(now)) {
      return;
    }
    int kept = 0;
    List<ServedServer> changed = new ArrayList<>();
    for (ServedServer server : next.servers()) {
      Entry known = byKey.get(server.key());
      boolean was = known != null && known.server().isPresent();
      kept += was ? 1 : 0;
      if (!was || !known.server().get().version().equals(server.version())) {
        changed.add(server);
      }
    }
    List<String> removed = new ArrayList<>();
    if (now != null && kept < now.servers().size()) {
      Set<String> gone = keysOf(now);
      gone.removeAll(keysOf(next));
      gone.stream().sorted().forEach(removed::add);
    }
    now = next;
    if (changed.isEmpty() && removed.isEmpty()) {
      return;
    }
    batches.clear();
    changed.forEach(server -> append(server.key(), Optional.of(server)));
    removed.forEach(key -> append(key, Optional.empty()));
    forgetSomeDeparted();
  }

  private void append(String key, Optional<ServedServer> server) {
    head++;
    Entry entry = new Entry(head, key, server);
    Entry before = byKey.put(key, entry);
    byAge.put(head, entry);
    departed += server.isEmpty() ? 1 : 0;
    if (before != null) {
      byAge.remove(before.at());
      departed -= before.server().isEmpty() ? 1 : 0;
    }
  }

  private void forgetSomeDeparted() {
    int limit = Math.max(DEPARTED, now.servers().size());
    if (departed <= limit) {
      return;
    }
    List<Entry> oldest =
        byAge.values().stream()
            .filter(entry -> entry.server().isEmpty())
            .limit(departed - limit / 2)
            .toList();
    for (Entry entry : oldest) {
      byAge.remove(entry.at());
      byKey.remove(entry.key());
      departed--;
      forgotten = entry.at();
    }
  }

  /** The cursor of a stream that has been sent everything. */
  public synchronized long head() {
    return head;
  }

  /** What a stream has not seen yet, or nothing if it has seen everything. */
  public synchronized Optional<Batch> since(long cursor) {
    if (cursor == head) {
      return Optional.empty();
    }
    Batch known = batches.get(cursor);
    if (known == null) {
      if (batches.size() >= BATCHES) {
        batches.remove(batches.keySet().iterator().next());
      }
      known = cursor == NOTHING ? whole() : unseen(cursor);
      batches.put(cursor, known);
    }
    return Optional.of(known);
  }

  /**
   * That a collection is empty is said by its own name being absent: an empty response says
   * nothing.
   */
  private Batch whole() {
    return batch(now.servers(), now.servers().isEmpty() ? List.of("*") : List.of());
  }

  private Batch unseen(long cursor) {
    List<ServedServer> changed = new ArrayList<>();
    List<String> removed = new ArrayList<>();
    for (Entry entry : byAge.tailMap(cursor, false).values()) {
      entry.server().ifPresentOrElse(changed::add, () -> removed.add(entry.key()));
    }
    return batch(changed, removed);
  }

  /** Whether what happened since a cursor is not all remembered any more. */
  synchronized boolean forgotSince(long cursor) {
    return cursor != NOTHING && cursor < forgotten;
  }

  /** What is new to a client that says which versions it has, by key. */
  synchronized Batch newTo(Map<String, String> versions) {
    Map<String, String> unknown = new HashMap<>(versions);
    List<ServedServer> changed = new ArrayList<>();
    for (ServedServer server : now.servers()) {
      if (!server.version().equals(unknown.remove(server.key()))) {
        changed.add(server);
      }
    }
    return batch(changed, unknown.keySet().stream().sorted().toList());
  }

  /** Some servers as they are now, if there are any of them. */
  synchronized Optional<Batch> only(Set<String> keys) {
    List<ServedServer> servers = new ArrayList<>();
    for (String key : keys) {
      Entry entry = byKey.get(key);
      if (entry != null) {
        entry.server().ifPresent(servers::add);
      }
    }
    return servers.isEmpty() ? Optional.empty() : Optional.of(batch(servers, List.of()));
  }

  private Batch batch(List<ServedServer> changed, List<String> removed) {
    return new Batch(now.typeUrl(), now.version(), head, changed, removed);
  }

  private static Set<String> keysOf(ServedCollection collection) {
    Set<String> keys = new HashSet<>();
    collection.servers().forEach(server -> keys.add(server.key()));
    return keys;
  }
}
