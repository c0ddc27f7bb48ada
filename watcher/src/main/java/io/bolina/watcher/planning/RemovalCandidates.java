package io.bolina.watcher.planning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Member;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Which pods are removed first, in which order that is possible, and whether they are drained. */
final class RemovalCandidates {
  /** The deletion cost of a pod that may go now: below any that a person would set. */
  static final int COST_OF_DRAINED = -1_000_000;

  /** That of a pod that drains: should anybody else lower the replicas meanwhile. */
  static final int COST_OF_DRAINING = -1_000;

  private static final Comparator<PodServer> CHEAPEST_FIRST =
      Comparator.comparing((PodServer p) -> !isUnused(p))
          .thenComparing(p -> !(p.state().isUnhealthy() && p.hasNoSession()))
          .thenComparingLong(p -> p.hasNoSession() ? 0 : p.sessions().orElse(Long.MAX_VALUE))
          .thenComparing(p -> p.state() == PodState.OPEN)
          .thenComparing(p -> p.load().orElse(Double.MAX_VALUE))
          .thenComparing(p -> p.pod().orElseThrow().created(), Comparator.reverseOrder())
          .thenComparing(PodServer::name);

  private static final Comparator<PodServer> HIGHEST_ORDINAL_FIRST =
      Comparator.comparingInt((PodServer p) -> p.pod().orElseThrow().ordinal()).reversed();

  /**
   * The order in which a ReplicaSet removes pods (k8s.io/kubernetes pkg/controller,
   * ActivePodsWithRanks), as far as it can be known from outside.
   */
  private static final Comparator<ObservedPod> AS_A_REPLICA_SET_DOES =
      Comparator.comparing(ObservedPod::phase)
          .thenComparing(ObservedPod::ready)
          .thenComparingInt(ObservedPod::cost);

  private final WatchSettings settings;

  RemovalCandidates(WatchSettings settings) {
    this.settings = settings;
  }

  /** Whether a pod was never used: it is not ready, and has no server. */
  private static boolean isUnused(PodServer podServer) {
    return podServer.server().isEmpty() && !podServer.pod().orElseThrow().ready();
  }

  /** The pods that could be removed, the first one in front. */
  List<PodServer> candidates(List<PodServer> podServers, RemovalOrder order) {
    List<PodServer> candidates = new ArrayList<>(ofTarget(podServers));
    candidates.removeIf(p -> p.state() == PodState.REMOVING);
    if (order == RemovalOrder.LOWEST_COST) {
      candidates.removeIf(p -> p.state() == PodState.REPLACING);
      candidates.sort(CHEAPEST_FIRST);
    } else {
      candidates.sort(HIGHEST_ORDINAL_FIRST);
    }
    return candidates;
  }

  /** The pods being removed, the one to reopen first in front: the one with the most to lose. */
  List<PodServer> reopenable(List<PodServer> podServers, RemovalOrder order) {
    List<PodServer> removing = new ArrayList<>(podServers);
    removing.removeIf(p -> p.state() != PodState.REMOVING);
    removing.sort(
        order == RemovalOrder.HIGHEST_ORDINAL
            ? HIGHEST_ORDINAL_FIRST.reversed()
            : CHEAPEST_FIRST.reversed());
    return removing;
  }

  /** Whether a pod's sessions have ended, or have had the drain time to. */
  boolean isDrained(PodServer podServer, ObservationTime at) {
    Instant since = podServer.order().map(DrainOrder::since).orElse(at.now());
    boolean reported = !at.loadsAsOf().isBefore(since.plus(settings.settle()));
    return isUnused(podServer)
        || (reported && certainlyHasNoSession(podServer))
        || !at.now().isBefore(since.plus(settings.drainTime()));
  }

  /**
   * Whether its server reports no session, or never could have one. A server that vanished from the
   * registry may have any number.
   */
  private static boolean certainlyHasNoSession(PodServer podServer) {
    return podServer.hasNoSession() && podServer.server().stream().allMatch(Member::listed);
  }

  /** The deletion cost that a pod should have now; empty if it should have none of a Watcher's. */
  OptionalInt cost(PodServer podServer, ObservationTime at) {
    if (podServer.state() != PodState.REMOVING) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(isDrained(podServer, at) ? COST_OF_DRAINED : COST_OF_DRAINING);
  }

  /** Whether a pod has a deletion cost of a Watcher's. */
  static boolean isMarked(ObservedPod pod) {
    return pod.deletionCost().equals(OptionalInt.of(COST_OF_DRAINED))
        || pod.deletionCost().equals(OptionalInt.of(COST_OF_DRAINING));
  }

  /** What a pod that drains waits for, in words. */
  String waitsFor(PodServer podServer, ObservationTime at) {
    if (isDrained(podServer, at)) {
      return "may go";
    }
    if (certainlyHasNoSession(podServer)) {
      return "no session reported; waits for a later report";
    }
    Instant since = podServer.order().map(DrainOrder::since).orElse(at.now());
    long left = Duration.between(at.now(), since.plus(settings.drainTime())).toSeconds();
    String sessions =
        podServer.sessions().isPresent()
            ? podServer.sessions().getAsLong() + " sessions"
            : "sessions (number unknown)";
    return "waits for " + sessions + " to end, at most " + left + " s";
  }

  /**
   * By how many pods the replicas may be lowered now, so that only drained pods are removed.
   *
   * @param pods how many
   * @param blocker the pod that Kubernetes would remove before the next drained one, if any
   * @param why the obstacle in words; empty if there is none
   */
  record Removable(int pods, Optional<PodServer> blocker, String why) {}

  /** Finds it. */
  Removable removable(List<PodServer> podServers, ScaleTarget target, ObservationTime at) {
    List<PodServer> inOrder = new ArrayList<>(ofTarget(podServers));
    if (target.removalOrder() == RemovalOrder.HIGHEST_ORDINAL) {
      inOrder.sort(HIGHEST_ORDINAL_FIRST);
    } else {
      // Among equals the order is unknown, so one that must not go counts as the first to go.
      inOrder.sort(
          Comparator.comparing((PodServer p) -> p.pod().orElseThrow(), AS_A_REPLICA_SET_DOES)
              .thenComparing(p -> mayGo(p, at)));
    }
    int removable = 0;
    int ready = 0;
    for (PodServer podServer : inOrder) {
      if (!mayGo(podServer, at)) {
        boolean anotherIsDrained =
            inOrder.subList(removable, inOrder.size()).stream().anyMatch(p -> mayGo(p, at));
        boolean waits = podServer.state() == PodState.REMOVING || !anotherIsDrained;
        return waits
            ? new Removable(removable, Optional.empty(), "")
            : new Removable(removable, Optional.of(podServer), whyFirst(podServer, target));
      }
      if (podServer.pod().orElseThrow().ready() && ++ready > target.disruptionsAllowed()) {
        String budget =
            target.budgets().stream()
                .min(Comparator.comparingInt(ScaleTarget.DisruptionBudget::allowed))
                .map(ScaleTarget.DisruptionBudget::name)
                .orElse("");
        return new Removable(
            removable,
            Optional.empty(),
            "PodDisruptionBudget " + budget + " allows no more disruptions");
      }
      removable++;
    }
    return new Removable(removable, Optional.empty(), "");
  }

  private boolean mayGo(PodServer podServer, ObservationTime at) {
    return podServer.state() == PodState.REMOVING && isDrained(podServer, at);
  }

  private static String whyFirst(PodServer first, ScaleTarget target) {
    ObservedPod pod = first.pod().orElseThrow();
    if (target.removalOrder() == RemovalOrder.HIGHEST_ORDINAL) {
      return first.name() + " has the highest ordinal, so Kubernetes would remove it first";
    }
    if (pod.ready()) {
      return first.name()
          + " has a deletion cost of "
          + pod.cost()
          + ", so Kubernetes would remove it before a drained pod";
    }
    return first.name()
        + " is not Ready, so Kubernetes would remove it first, whatever its deletion cost"
        + (first.hasNoSession()
            ? ""
            : "; a server must stay Ready while it has sessions, critical or not");
  }

  /** Whether a pod that Kubernetes would remove before any drained one has nothing to lose. */
  static boolean isBetterCandidate(PodServer podServer) {
    return podServer.state().stays()
        && podServer.state() != PodState.REPLACING
        && !podServer.pod().orElseThrow().ready()
        && podServer.hasNoSession();
  }

  /** The target's replicas: its pods that are not being deleted. */
  static List<PodServer> ofTarget(List<PodServer> podServers) {
    return podServers.stream()
        .filter(p -> p.pod().isPresent() && p.state() != PodState.TERMINATING)
        .toList();
  }
}
