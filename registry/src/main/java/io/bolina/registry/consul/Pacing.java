package io.bolina.registry.consul;

import java.time.Duration;

/**
 * A token bucket: a few requests may follow each other at once, in the long run they keep their
 * distance. So a prefix that changes all the time is read at a steady pace, and a quiet one the
 * moment it changes.
 */
final class Pacing {
  private final long distanceNanos;
  private final int burst;
  private double tokens;
  private long last;

  Pacing(Duration distance, int burst, long nowNanos) {
    this.distanceNanos = Math.max(distance.toNanos(), 1);
    this.burst = burst;
    this.tokens = burst;
    this.last = nowNanos;
  }

  /** Takes a token and returns how long to wait before it may be used. */
  Duration take(long nowNanos) {
    tokens = Math.min(burst, tokens + (double) (nowNanos - last) / distanceNanos);
    last = nowNanos;
    tokens -= 1;
    return tokens >= 0 ? Duration.ZERO : Duration.ofNanos((long) (-tokens * distanceNanos));
  }
}
