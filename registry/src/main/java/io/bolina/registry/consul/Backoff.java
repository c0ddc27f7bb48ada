package io.bolina.registry.consul;

import java.time.Duration;
import java.util.function.DoubleSupplier;

/**
 * Exponential back-off with jitter: each delay is drawn from the upper half of a range that doubles
 * up to a bound.
 */
final class Backoff {
  private final Duration first;
  private final Duration most;
  private final DoubleSupplier random;
  private int failures;

  /**
   * @param random numbers from 0 (inclusive) to 1 (exclusive)
   */
  Backoff(Duration first, Duration most, DoubleSupplier random) {
    this.first = first;
    this.most = most;
    this.random = random;
  }

  Duration next() {
    double range = Math.min((double) most.toMillis(), first.toMillis() * Math.pow(2, failures));
    failures = Math.min(failures + 1, 30);
    return Duration.ofMillis((long) (range * (0.5 + random.getAsDouble() / 2)));
  }

  void reset() {
    failures = 0;
  }
}
