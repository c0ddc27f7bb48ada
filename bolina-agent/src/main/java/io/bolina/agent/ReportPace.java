package io.bolina.agent;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * How often a server reports by itself, as observed: one that does so every second is overdue
 * sooner than one that does every ten.
 *
 * @param lastAt when it last reported; empty if it never did
 * @param intervals the times between its last reports
 */
record ReportPace(Optional<Instant> lastAt, List<Duration> intervals) {
  static final ReportPace UNKNOWN = new ReportPace(Optional.empty(), List.of());

  /** So many intervals say how it goes on, and no more than so many are remembered. */
  private static final int ENOUGH = 3;

  private static final int REMEMBERED = 10;

  ReportPace {
    intervals = List.copyOf(intervals);
  }

  ReportPace reported(Instant now) {
    if (lastAt.isEmpty()) {
      return new ReportPace(Optional.of(now), intervals);
    }
    List<Duration> next = new ArrayList<>(intervals);
    next.add(Duration.between(lastAt.get(), now));
    return new ReportPace(
        Optional.of(now), next.subList(Math.max(0, next.size() - REMEMBERED), next.size()));
  }

  /** The longest of its last intervals; empty if there are too few to say. */
  Optional<Duration> longest() {
    return intervals.size() < ENOUGH
        ? Optional.empty()
        : intervals.stream().max(Comparator.naturalOrder());
  }
}
