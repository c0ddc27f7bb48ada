package io.bolina.registry.fleet;

import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Server;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * To whom an entry belongs that is kept by a server's id alone, when several servers have that id:
 * Consul's ids are unique on a node, not in a service. It belongs to the one that lives; if several
 * do, to nobody, since neither is to be closed, or let open, by what another reports.
 *
 * <p>It depends on the members as they are, so that it is the same whichever of the registry's
 * answers came last.
 *
 * @param living for each id that several have, where those are that live
 */
record SameId(Map<String, Set<Endpoint>> living) {

  /** Finds out who has an id in common. */
  static SameId of(Fleet fleet) {
    Set<String> seen = new HashSet<>(2 * fleet.members().size());
    Set<String> several = new HashSet<>();
    List<Member> held = new ArrayList<>();
    for (Member member : fleet.members()) {
      if (member.presence() == Presence.HELD) {
        held.add(member);
      } else if (member.presence() != Presence.VANISHED && !seen.add(member.server().id())) {
        several.add(member.server().id());
      }
    }
    // Those that are held have an id only if nobody is listed with it.
    Set<String> heldIds = new HashSet<>();
    for (Member member : held) {
      String id = member.server().id();
      if (!seen.contains(id) && !heldIds.add(id)) {
        several.add(id);
      }
    }
    Map<String, Set<Endpoint>> living = new HashMap<>();
    several.forEach(id -> living.put(id, new HashSet<>(2)));
    if (!several.isEmpty()) {
      for (Member member : fleet.members()) {
        Set<Endpoint> at = living.get(member.server().id());
        boolean counts =
            member.presence() != Presence.HELD || heldIds.contains(member.server().id());
        if (at != null && counts && lives(member)) {
          at.add(member.server().endpoint());
        }
      }
    }
    return new SameId(living);
  }

  /** The entry of a server among entries by id, if it has one that is its own. */
  <E> Optional<E> entryOf(Server server, Map<String, E> entries) {
    E entry = entries.get(server.id());
    if (entry == null) {
      return Optional.empty();
    }
    Set<Endpoint> at = living.get(server.id());
    boolean own = at == null || at.equals(Set.of(server.endpoint()));
    return own ? Optional.of(entry) : Optional.empty();
  }

  /** Ids that more than one living server has, with the addresses of those. */
  Map<String, Set<Endpoint>> duplicates() {
    Map<String, Set<Endpoint>> duplicates = new HashMap<>(living);
    duplicates.values().removeIf(at -> at.size() < 2);
    return duplicates;
  }

  private static boolean lives(Member member) {
    boolean seen = member.presence() == Presence.LISTED || member.presence() == Presence.HELD;
    // Held reports count too: whether they are held depends on who drains, and so on this.
    return seen && !member.reportExpired() && member.gone().isEmpty();
  }
}
