package io.bolina.controlplane.limits;

import java.time.Duration;

/**
 * Whether a stream asks too often. Immutable.
 *
 * @param paidUntil the instant, in nanoseconds of a steady clock, up to which what was asked counts
 */
public record RequestRate(long paidUntil) {
  /** So many seconds' worth may come at once. */
  private static final Duration AT_ONCE = Duration.ofSeconds(10);

  /** Whether one more now is too many. */
  public boolean isOver(long now) {
    return paidUntil - now > AT_ONCE.toNanos();
  }

  /**
   * After one more.
   *
   * @param rate so many a second are allowed
   */
  public RequestRate after(long now, int rate) {
    return new RequestRate(
        now + Math.max(0, paidUntil - now) + Duration.ofSeconds(1).toNanos() / rate);
  }
}
