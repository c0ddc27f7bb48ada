package io.bolina.controlplane.stream;

import java.time.Duration;

/**
 * How fast what has not changed may be sent once more because a client asks for it again: some at
 * once, for a client that has lost it, and then slowly, for one that asks with every answer.
 * Immutable.
 *
 * @param paidUntil the instant, in nanoseconds of a steady clock, up to which what was sent counts
 */
record Pace(long paidUntil) {
  /** As many may follow one another at once. */
  static final int AT_ONCE = 10;

  /** One more may be sent in this time. */
  static final Duration PERIOD = Duration.ofSeconds(5);

  /** How long the next one has to wait; zero if it may be sent now. */
  Duration delay(long now) {
    long ahead = paidUntil - now - (AT_ONCE - 1) * PERIOD.toNanos();
    return Duration.ofNanos(Math.max(0, ahead));
  }

  /** After one more. */
  Pace sent(long now) {
    return new Pace(now + Math.max(0, paidUntil - now) + PERIOD.toNanos());
  }
}
