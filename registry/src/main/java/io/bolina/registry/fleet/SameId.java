package io.bolina.registry.fleet;

import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Server;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * To whom an entry belongs that is kept by a server's id alone, when several servers have that id:
 * Consul's ids are unique on a node, not in a service. It belongs to the one that lives; if several
 * do, to nobody, since neither is to be closed, or let open, by what another reports.
 *
 * @param owners for each id that several have, where its owner is; empty if it has none
 */
record SameId(Map<String, Optional<Endpoint>> owners) {

  /**
   * Finds out who has an id in common.
   *
   * @param lives whether one can be seen to live
   */
  static <T> SameId of(Iterable<T> all, Function<T, Server> server, Predicate<T> lives) {
    Set<String> seen = new HashSet<>();
    Set<String> several = new HashSet<>();
    for (T one : all) {
      String id = server.apply(one).id();
      if (!seen.add(id)) {
        several.add(id);
      }
    }
    Map<String, Optional<Endpoint>> owners = new HashMap<>();
    if (!several.isEmpty()) {
      Set<String> decided = new HashSet<>();
      several.forEach(id -> owners.put(id, Optional.empty()));
      for (T one : all) {
        String id = server.apply(one).id();
        if (several.contains(id) && lives.test(one)) {
          boolean first = decided.add(id);
          owners.put(id, first ? Optional.of(server.apply(one).endpoint()) : Optional.empty());
        }
      }
    }
    return new SameId(owners);
  }

  /** The entry of a server among entries by id, if it has one that is its own. */
  <E> Optional<E> entryOf(Server server, Map<String, E> entries) {
    E entry = entries.get(server.id());
    if (entry == null) {
      return Optional.empty();
    }
    Optional<Endpoint> owner = owners.get(server.id());
    boolean own = owner == null || owner.filter(server.endpoint()::equals).isPresent();
    return own ? Optional.of(entry) : Optional.empty();
  }
}
