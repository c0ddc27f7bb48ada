package io.bolina.watcher.reckoning;

import static java.util.stream.Collectors.toMap;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which server runs in which pod. A server belongs to the pod whose name is its id; else to the one
 * its metadata names ({@code pod}); else to the only one that has its address.
 */
final class Pairing {
  /** The note in a Watcher's order that says which incarnation of a pod it is for. */
  static final String POD_UID = "pod-uid";

  /** The note in a Watcher's order that says what it is for. */
  static final String PURPOSE = "purpose";

  static final String SCALE_DOWN = "scale-down";
  static final String REPLACEMENT = "replacement";

  private final WatchSettings settings;

  Pairing(WatchSettings settings) {
    this.settings = settings;
  }

  /** Returns a place for each pod, by name, and then for each listed server without one, by id. */
  List<Place> pair(Situation situation) {
    Map<String, Member> byPod = serversByPod(situation);
    List<Place> places = new ArrayList<>();
    Set<Member> placed = new HashSet<>();
    situation.pods().stream()
        .sorted(Comparator.comparing(Pod::name))
        .forEach(
            pod -> {
              Optional<Member> server = Optional.ofNullable(byPod.get(pod.name()));
              server.ifPresent(placed::add);
              places.add(place(pod, server, situation.fleet(), situation.now()));
            });
    situation.fleet().members().stream()
        .filter(m -> m.listed() && !placed.contains(m))
        .forEach(m -> places.add(withoutPod(m)));
    return places;
  }

  private static Map<String, Member> serversByPod(Situation situation) {
    Map<String, Pod> byName = situation.pods().stream().collect(toMap(Pod::name, p -> p));
    Map<String, List<Pod>> byAddress = new HashMap<>();
    for (Pod pod : situation.pods()) {
      if (!pod.ip().isEmpty()) {
        byAddress.computeIfAbsent(pod.ip(), ip -> new ArrayList<>()).add(pod);
      }
    }
    Map<String, Member> byPod = new HashMap<>();
    for (Member member : situation.fleet().members()) {
      String named = member.server().metadata().getOrDefault("pod", member.server().id());
      List<Pod> there = byAddress.getOrDefault(member.server().address(), List.of());
      Optional<Pod> pod =
          Optional.ofNullable(byName.get(member.server().id()))
              .or(() -> Optional.ofNullable(byName.get(named)))
              .or(() -> there.size() == 1 ? Optional.of(there.get(0)) : Optional.empty());
      // Of several servers of one pod (a new one, and the last one's ghost) the listed one counts.
      pod.ifPresent(p -> byPod.merge(p.name(), member, (a, b) -> a.listed() ? a : b));
    }
    return byPod;
  }

  private Place place(Pod pod, Optional<Member> server, Fleet fleet, Instant now) {
    Optional<DrainOrder> order =
        server
            .flatMap(Member::order)
            .or(() -> Optional.ofNullable(fleet.ordersInAdvance().get(pod.name())));
    if (pod.leaving()) {
      return new Place(Optional.of(pod), server, order, Standing.LEAVING, "being deleted");
    }
    Optional<DrainOrder> own = order.filter(o -> isOwnFor(o, pod));
    if (own.isPresent()) {
      boolean replacement = REPLACEMENT.equals(own.get().notes().get(PURPOSE));
      return new Place(
          Optional.of(pod),
          server,
          order,
          replacement ? Standing.REPLACED : Standing.VICTIM,
          own.get().reason());
    }
    if (server.isEmpty() || server.get().presence() == Presence.VANISHED) {
      return unregistered(pod, server, order, now);
    }
    return listed(Optional.of(pod), server.get());
  }

  private Place unregistered(
      Pod pod, Optional<Member> server, Optional<DrainOrder> order, Instant now) {
    Duration age = Duration.between(pod.created(), now);
    boolean mayStillCome =
        server.isEmpty() && pod.trouble().isEmpty() && age.compareTo(settings.startLimit()) < 0;
    if (mayStillCome) {
      return new Place(Optional.of(pod), server, order, Standing.COMING, "starting");
    }
    String why =
        pod.trouble()
            .orElse(
                server.isPresent()
                    ? "its server is registered no more"
                    : "its server was not registered within "
                        + settings.startLimit().toSeconds()
                        + " s");
    return new Place(Optional.of(pod), server, order, Standing.UNREGISTERED, why);
  }

  private Place withoutPod(Member server) {
    return listed(Optional.empty(), server);
  }

  private Place listed(Optional<Pod> pod, Member server) {
    Optional<Member> member = Optional.of(server);
    if (server.presence() == Presence.NODE_LOST || server.presence() == Presence.GONE) {
      return new Place(pod, member, server.order(), Standing.LOST, "its machine does not answer");
    }
    // An order of this Watcher's for an earlier pod of the same name is called off, so not counted.
    boolean drained = server.maintenance() || server.order().filter(o -> !isOwn(o)).isPresent();
    if (drained) {
      String why = server.order().map(DrainOrder::toString).orElse("maintenance mode");
      return new Place(pod, member, server.order(), Standing.DRAINING, why);
    }
    if (server.health() == Health.CRITICAL) {
      return new Place(pod, member, server.order(), Standing.CRITICAL, server.note());
    }
    if (server.load().filter(l -> l.load() >= settings.overloadedAt()).isPresent()) {
      return new Place(pod, member, server.order(), Standing.FULL, "overloaded");
    }
    return new Place(pod, member, server.order(), Standing.OPEN, "");
  }

  boolean isOwn(DrainOrder order) {
    return order.by().equals(settings.giver());
  }

  boolean isOwnFor(DrainOrder order, Pod pod) {
    return isOwn(order) && pod.uid().equals(order.notes().get(POD_UID));
  }
}
