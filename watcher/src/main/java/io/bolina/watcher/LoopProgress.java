package io.bolina.watcher;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * How long ago the scaling loop last made progress. Liveness, leadership and the metric go by this
 * age, so a loop that hangs is noticed wherever it hangs.
 */
final class LoopProgress {
  /**
   * Each request of a round may time out, be retried and time out again. A loop that takes longer
   * is not slow: a smaller bound would pass leadership to and fro while the API is slow.
   */
  private static final Duration LONGEST_STEP = Duration.ofMinutes(3);

  private final Clock clock;
  private final Duration limit;
  private volatile Instant last;

  LoopProgress(Clock clock, Duration interval) {
    this.clock = clock;
    this.limit = interval.plus(LONGEST_STEP);
    this.last = clock.instant();
  }

  /** A round, or a step of it, is done. */
  void made() {
    last = clock.instant();
  }

  Duration age() {
    return Duration.between(last, clock.instant());
  }

  /** Why the loop counts as hung; empty while it does not. */
  Optional<String> hung() {
    Duration age = age();
    return age.compareTo(limit) > 0
        ? Optional.of(
            "the scaling loop has made no progress for "
                + age.toSeconds()
                + " s (limit "
                + limit.toSeconds()
                + " s)")
        : Optional.empty();
  }
}
