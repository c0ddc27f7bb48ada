package io.bolina.watcher.planning;

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
final class PodMatcher {
  /** The note in a Watcher's order with the uid of the pod it is for. */
  static final String POD_UID = "pod-uid";

  /** The note in a Watcher's order with its purpose. */
  static final String PURPOSE = "purpose";

  static final String SCALE_DOWN = "scale-down";
  static final String REPLACEMENT = "replacement";

  private final WatchSettings settings;

  PodMatcher(WatchSettings settings) {
    this.settings = settings;
  }

  /** Returns an entry for each pod, by name, then for each listed server without one, by id. */
  List<PodServer> match(ObservedState state) {
    Map<String, Member> byPod = serversByPod(state);
    List<PodServer> podServers = new ArrayList<>();
    Set<Member> matched = new HashSet<>();
    state.pods().stream()
        .sorted(Comparator.comparing(ObservedPod::name))
        .forEach(
            pod -> {
              Optional<Member> server = Optional.ofNullable(byPod.get(pod.name()));
              server.ifPresent(matched::add);
              podServers.add(ofPod(pod, server, state.fleet(), state.now()));
            });
    state.fleet().members().stream()
        // One that has ended with its pod may be listed for a while: it is no server any more.
        .filter(m -> m.listed() && !m.hasEnded() && !matched.contains(m))
        .forEach(m -> podServers.add(withoutPod(m)));
    return podServers;
  }

  private static Map<String, Member> serversByPod(ObservedState state) {
    Map<String, ObservedPod> byName =
        state.pods().stream().collect(toMap(ObservedPod::name, p -> p));
    Map<String, List<ObservedPod>> byAddress = new HashMap<>();
    for (ObservedPod pod : state.pods()) {
      if (!pod.ip().isEmpty()) {
        byAddress.computeIfAbsent(pod.ip(), ip -> new ArrayList<>()).add(pod);
      }
    }
    Map<String, Member> byPod = new HashMap<>();
    for (Member member : state.fleet().members()) {
      String named = member.server().metadata().getOrDefault("pod", member.server().id());
      List<ObservedPod> there = byAddress.getOrDefault(member.server().address(), List.of());
      Optional<ObservedPod> pod =
          Optional.ofNullable(byName.get(member.server().id()))
              .or(() -> Optional.ofNullable(byName.get(named)))
              .or(() -> there.size() == 1 ? Optional.of(there.get(0)) : Optional.empty());
      pod.ifPresent(p -> byPod.merge(p.name(), member, (a, b) -> better(a, b)));
    }
    return byPod;
  }

  /**
   * Of several servers of one pod (a new one, and one that vanished or died) the one that lives.
   */
  private static Member better(Member one, Member other) {
    if (one.listed() != other.listed()) {
      return one.listed() ? one : other;
    }
    if (one.hasEnded() != other.hasEnded()) {
      return one.hasEnded() ? other : one;
    }
    return one.reportExpired() && !other.reportExpired() ? other : one;
  }

  private PodServer ofPod(ObservedPod pod, Optional<Member> server, Fleet fleet, Instant now) {
    Optional<DrainOrder> order =
        server
            .flatMap(Member::order)
            .or(() -> Optional.ofNullable(fleet.ordersInAdvance().get(pod.name())));
    if (pod.terminating()) {
      return new PodServer(Optional.of(pod), server, order, PodState.TERMINATING, "being deleted");
    }
    Optional<DrainOrder> own = order.filter(o -> isOwnFor(o, pod));
    if (own.isPresent()) {
      boolean replacement = REPLACEMENT.equals(own.get().notes().get(PURPOSE));
      return new PodServer(
          Optional.of(pod),
          server,
          order,
          replacement ? PodState.REPLACING : PodState.REMOVING,
          own.get().reason());
    }
    if (server.isEmpty() || server.get().presence() == Presence.VANISHED) {
      return unregistered(pod, server, order, now);
    }
    boolean young =
        !pod.ready()
            && pod.blockedBy().isEmpty()
            && Duration.between(pod.created(), now).compareTo(settings.startLimit()) < 0;
    if (young && server.get().health() == Health.CRITICAL && !server.get().draining()) {
      // It is Ready once it has been open, and for ever after: this one never was.
      return new PodServer(Optional.of(pod), server, order, PodState.STARTING, "starting");
    }
    return listed(Optional.of(pod), server.get());
  }

  private PodServer unregistered(
      ObservedPod pod, Optional<Member> server, Optional<DrainOrder> order, Instant now) {
    Duration age = Duration.between(pod.created(), now);
    boolean mayStillStart =
        server.isEmpty() && pod.blockedBy().isEmpty() && age.compareTo(settings.startLimit()) < 0;
    if (mayStillStart) {
      return new PodServer(Optional.of(pod), server, order, PodState.STARTING, "starting");
    }
    String note =
        pod.blockedBy()
            .orElse(
                server.isPresent()
                    ? "its server is not registered any more"
                    : "its server was not registered within "
                        + settings.startLimit().toSeconds()
                        + " s");
    return new PodServer(Optional.of(pod), server, order, PodState.UNREGISTERED, note);
  }

  private PodServer withoutPod(Member server) {
    return listed(Optional.empty(), server);
  }

  private PodServer listed(Optional<ObservedPod> pod, Member server) {
    Optional<Member> member = Optional.of(server);
    if (server.presence() == Presence.NODE_LOST || server.presence() == Presence.GONE) {
      return new PodServer(
          pod, member, server.order(), PodState.NODE_LOST, "its machine does not respond");
    }
    // An order of this Watcher's for an earlier pod of the name is about to be canceled: ignored.
    boolean drained = server.maintenance() || server.order().filter(o -> !isOwn(o)).isPresent();
    if (drained) {
      String note = server.order().map(DrainOrder::toString).orElse("maintenance mode");
      return new PodServer(pod, member, server.order(), PodState.DRAINING, note);
    }
    if (server.health() == Health.CRITICAL) {
      return new PodServer(pod, member, server.order(), PodState.CRITICAL, server.note());
    }
    if (server.load().filter(l -> l.load() >= settings.overloadedAt()).isPresent()) {
      return new PodServer(pod, member, server.order(), PodState.OVERLOADED, "overloaded");
    }
    return new PodServer(pod, member, server.order(), PodState.OPEN, "");
  }

  boolean isOwn(DrainOrder order) {
    return order.by().equals(settings.author());
  }

  boolean isOwnFor(DrainOrder order, ObservedPod pod) {
    return isOwn(order) && pod.uid().equals(order.notes().get(POD_UID));
  }
}
