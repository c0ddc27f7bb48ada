package io.bolina.watcher.reckoning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Member;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Which pods are to go, in which order they may, and whether they are done. */
final class Victims {
  /** The deletion cost of a pod that may go now: below any that a person would set. */
  static final int COST_OF_DONE = -1_000_000;

  /** That of a pod that is to go and still has sessions: should anybody else lower the replicas. */
  static final int COST_OF_DRAINING = -1_000;

  private static final Comparator<Place> CHEAPEST_FIRST =
      Comparator.comparing((Place p) -> !isFree(p))
          .thenComparing(p -> !(p.standing().isIll() && p.hasNoSession()))
          .thenComparingLong(p -> p.hasNoSession() ? 0 : p.sessions().orElse(Long.MAX_VALUE))
          .thenComparing(p -> p.standing() == Standing.OPEN)
          .thenComparing(p -> p.load().orElse(Double.MAX_VALUE))
          .thenComparing(p -> p.pod().orElseThrow().created(), Comparator.reverseOrder())
          .thenComparing(Place::name);

  private static final Comparator<Place> HIGHEST_ORDINAL_FIRST =
      Comparator.comparingInt((Place p) -> p.pod().orElseThrow().ordinal()).reversed();

  /**
   * The order in which a ReplicaSet gives pods up (k8s.io/kubernetes pkg/controller,
   * ActivePodsWithRanks), as far as anybody can know it from outside.
   */
  private static final Comparator<Pod> AS_A_REPLICA_SET_DOES =
      Comparator.comparing(Pod::phase).thenComparing(Pod::ready).thenComparingInt(Pod::cost);

  private final WatchSettings settings;

  Victims(WatchSettings settings) {
    this.settings = settings;
  }

  /** Whether a pod was never of use to anybody: it is not ready, and has no server. */
  private static boolean isFree(Place place) {
    return place.server().isEmpty() && !place.pod().orElseThrow().ready();
  }

  /** The pods that could be chosen, the one to go first in front. */
  List<Place> candidates(List<Place> places, Removal removal) {
    List<Place> candidates = new ArrayList<>(ofTarget(places));
    candidates.removeIf(p -> p.standing() == Standing.VICTIM);
    if (removal == Removal.LOWEST_COST) {
      candidates.removeIf(p -> p.standing() == Standing.REPLACED);
      candidates.sort(CHEAPEST_FIRST);
    } else {
      candidates.sort(HIGHEST_ORDINAL_FIRST);
    }
    return candidates;
  }

  /** The victims, the one that is reopened first in front: the one that would be missed most. */
  List<Place> reopenable(List<Place> places, Removal removal) {
    List<Place> victims = new ArrayList<>(places);
    victims.removeIf(p -> p.standing() != Standing.VICTIM);
    victims.sort(
        removal == Removal.HIGHEST_ORDINAL
            ? HIGHEST_ORDINAL_FIRST.reversed()
            : CHEAPEST_FIRST.reversed());
    return victims;
  }

  /** Whether a victim's sessions have ended, or have had the time to. */
  boolean isDone(Place place, Moment at) {
    Instant since = place.order().map(DrainOrder::since).orElse(at.now());
    boolean settled = !at.loadsAsOf().isBefore(since.plus(settings.settle()));
    return isFree(place)
        || (settled && hasNoSessionForSure(place))
        || !at.now().isBefore(since.plus(settings.drainTime()));
  }

  /**
   * Whether its server says that it has no session, or has never had the chance to have one. A
   * server that vanished from the registry may have any number.
   */
  private static boolean hasNoSessionForSure(Place place) {
    return place.hasNoSession() && place.server().stream().allMatch(Member::listed);
  }

  /** The deletion cost that a pod should have now; empty if it should have none of a Watcher's. */
  OptionalInt cost(Place place, Moment at) {
    if (place.standing() != Standing.VICTIM) {
      return OptionalInt.empty();
    }
    return OptionalInt.of(isDone(place, at) ? COST_OF_DONE : COST_OF_DRAINING);
  }

  /** Whether a pod has a deletion cost of a Watcher's. */
  static boolean isMarked(Pod pod) {
    return pod.deletionCost().equals(OptionalInt.of(COST_OF_DONE))
        || pod.deletionCost().equals(OptionalInt.of(COST_OF_DRAINING));
  }

  /** What a victim waits for, in words. */
  String waitsFor(Place place, Moment at) {
    if (isDone(place, at)) {
      return "may go";
    }
    if (hasNoSessionForSure(place)) {
      return "no session; waits to be sure of it";
    }
    Instant since = place.order().map(DrainOrder::since).orElse(at.now());
    long left = Duration.between(at.now(), since.plus(settings.drainTime())).toSeconds();
    String sessions =
        place.sessions().isPresent()
            ? place.sessions().getAsLong() + " sessions"
            : "sessions (how many, it does not say)";
    return "waits for " + sessions + " to end, for at most " + left + " s more";
  }

  /**
   * How many pods the target may be lowered by now, so that it takes victims that are done and
   * nobody else.
   *
   * @param pods how many
   * @param blocker which pod stands in the way of the next one, if another would be done
   * @param why in words; empty if nothing stands in the way
   */
  record Removable(int pods, Optional<Place> blocker, String why) {}

  /** Reckons. */
  Removable removable(List<Place> places, Target target, Moment at) {
    List<Place> inOrder = new ArrayList<>(ofTarget(places));
    if (target.removal() == Removal.HIGHEST_ORDINAL) {
      inOrder.sort(HIGHEST_ORDINAL_FIRST);
    } else {
      // Among equals nobody knows, so one that must not go counts as the first to go.
      inOrder.sort(
          Comparator.comparing((Place p) -> p.pod().orElseThrow(), AS_A_REPLICA_SET_DOES)
              .thenComparing(p -> isDoneVictim(p, at)));
    }
    int removable = 0;
    int ready = 0;
    for (Place place : inOrder) {
      if (!isDoneVictim(place, at)) {
        boolean anotherIsDone =
            inOrder.subList(removable, inOrder.size()).stream().anyMatch(p -> isDoneVictim(p, at));
        boolean waits = place.standing() == Standing.VICTIM || !anotherIsDone;
        return waits
            ? new Removable(removable, Optional.empty(), "")
            : new Removable(removable, Optional.of(place), whyFirst(place, target));
      }
      if (place.pod().orElseThrow().ready() && ++ready > target.disruptionsAllowed()) {
        String budget =
            target.budgets().stream()
                .min(Comparator.comparingInt(Target.Budget::allowed))
                .map(Target.Budget::name)
                .orElse("");
        return new Removable(
            removable,
            Optional.empty(),
            "the PodDisruptionBudget " + budget + " allows no more disruptions");
      }
      removable++;
    }
    return new Removable(removable, Optional.empty(), "");
  }

  private boolean isDoneVictim(Place place, Moment at) {
    return place.standing() == Standing.VICTIM && isDone(place, at);
  }

  private static String whyFirst(Place first, Target target) {
    Pod pod = first.pod().orElseThrow();
    if (target.removal() == Removal.HIGHEST_ORDINAL) {
      return first.name() + " has the highest ordinal, so Kubernetes would take it first";
    }
    if (pod.ready()) {
      return first.name()
          + " has a deletion cost of "
          + pod.cost()
          + ", so Kubernetes would take it before a victim";
    }
    return first.name()
        + " is not Ready, so Kubernetes would take it first, whatever its deletion cost"
        + (first.hasNoSession()
            ? ""
            : "; a server must stay Ready while it has sessions, critical or not");
  }

  /** Whether nobody would miss a pod that Kubernetes takes before any victim. */
  static boolean isBetterVictim(Place place) {
    return place.standing().stays()
        && place.standing() != Standing.REPLACED
        && !place.pod().orElseThrow().ready()
        && place.hasNoSession();
  }

  /** The target's replicas: its pods that are not being deleted. */
  static List<Place> ofTarget(List<Place> places) {
    return places.stream()
        .filter(p -> p.pod().isPresent() && p.standing() != Standing.LEAVING)
        .toList();
  }
}
