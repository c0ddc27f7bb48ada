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

  /** So many intervals, over so long a time, say how it goes on: some reports in a row do not. */
  private static final int ENOUGH = 5;

  private static final Duration LONG_ENOUGH = Duration.ofSeconds(10);

  /** No more is remembered than this time and these intervals, and never more than those. */
  private static final Duration REMEMBERED_FOR = Duration.ofSeconds(30);

  private static final int REMEMBERED = 10;
  private static final int AT_MOST = 300;

  ReportPace {
    intervals = List.copyOf(intervals);
  }

  ReportPace reported(Instant now) {
    if (lastAt.isEmpty()) {
      return new ReportPace(Optional.of(now), intervals);
    }
    List<Duration> next = new ArrayList<>(intervals);
    next.add(Duration.between(lastAt.get(), now));
    Duration remembered = total(next);
    while (next.size() > AT_MOST
        || (next.size() > REMEMBERED
            && remembered.minus(next.get(0)).compareTo(REMEMBERED_FOR) >= 0)) {
      remembered = remembered.minus(next.remove(0));
    }
    return new ReportPace(Optional.of(now), next);
  }

  /** The longest of its last intervals; empty if there are too few to say. */
  Optional<Duration> longest() {
    return intervals.size() < ENOUGH || total(intervals).compareTo(LONG_ENOUGH) < 0
        ? Optional.empty()
        : intervals.stream().max(Comparator.naturalOrder());
  }

  private static Duration total(List<Duration> some) {
    return some.stream().reduce(Duration.ZERO, Duration::plus);
  }
}
