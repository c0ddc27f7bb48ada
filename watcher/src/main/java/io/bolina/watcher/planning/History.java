package io.bolina.watcher.planning;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a Watcher remembers from one plan to the next. Nothing in it must survive a restart: without
 * it a Watcher only waits longer. What must (who is draining, since when, why) is in the registry.
 *
 * @param since since when the fleet has been observed without a gap
 * @param recommended the replicas that the load needed lately, oldest first
 * @param changes by how many pods the fleet was scaled lately, oldest first
 * @param criticalSince since when servers have been critical, by pod uid
 * @param replacedAt when a pod was last replaced
 */
public record History(
    Instant since,
    List<Recommendation> recommended,
    List<ReplicaChange> changes,
    Map<String, Instant> criticalSince,
    Optional<Instant> replacedAt) {
  public History {
    recommended = List.copyOf(recommended);
    changes = List.copyOf(changes);
    criticalSince = Map.copyOf(criticalSince);
  }

  /** How many pods the load needed at some time. */
  public record Recommendation(Instant at, int pods) {}

  /** By how many pods the fleet was made larger (above 0) or smaller. */
  public record ReplicaChange(Instant at, int pods) {}

  /** Nothing is remembered. */
  public static History beginning(Instant now) {
    return new History(now, List.of(), List.of(), Map.of(), Optional.empty());
  }

  /** The same after a gap in the observation, in which anything may have happened. */
  public History interrupted(Instant now) {
    return new History(now, List.of(), changes, Map.of(), replacedAt);
  }

  /** With what the load needs now; what is older than the window is forgotten. */
  History recommending(int pods, Instant now, Duration window) {
    List<Recommendation> kept = new ArrayList<>();
    for (Recommendation r : recommended) {
      if (!r.at().isBefore(now.minus(window))) {
        kept.add(r);
      }
    }
    kept.add(new Recommendation(now, pods));
    return new History(since, kept, changes, criticalSince, replacedAt);
  }

  /** With a change of the fleet's size; what is older than the longest period is forgotten. */
  History changed(int pods, Instant now, Duration longestPeriod) {
    List<ReplicaChange> kept = new ArrayList<>();
    for (ReplicaChange c : changes) {
      if (c.at().isAfter(now.minus(longestPeriod))) {
        kept.add(c);
      }
    }
    kept.add(new ReplicaChange(now, pods));
    return new History(since, recommended, kept, criticalSince, replacedAt);
  }

  History critical(Map<String, Instant> newCriticalSince) {
    return new History(since, recommended, changes, newCriticalSince, replacedAt);
  }

  History replaced(Instant now) {
    return new History(since, recommended, changes, criticalSince, Optional.of(now));
  }

  /** The same with the actions of an earlier one: what was planned since was not done. */
  public History withoutActionsSince(History earlier) {
    return new History(since, recommended, earlier.changes, criticalSince, earlier.replacedAt);
  }

  /** The most pods that the load needed within the window. */
  int mostRecommended() {
    return recommended.stream().mapToInt(Recommendation::pods).max().orElse(0);
  }

  /** How many pods came (up) or went within the period that ends now. */
  int changedWithin(Duration period, boolean up, Instant now) {
    return changes.stream()
        .filter(c -> c.at().isAfter(now.minus(period)))
        .filter(c -> up ? c.pods() > 0 : c.pods() < 0)
        .mapToInt(c -> Math.abs(c.pods()))
        .sum();
  }
}
