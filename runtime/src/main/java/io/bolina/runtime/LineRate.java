package io.bolina.runtime;

import java.time.Instant;

/**
 * How many log lines of one kind may follow one another, whoever causes them: some at once, then so
 * many a second. What is left out is counted, for the next line to say.
 */
public final class LineRate {
  private final int atOnce;
  private final int perSecond;
  private Instant paidUntil = Instant.MIN;
  private long leftOut;

  public LineRate(int atOnce, int perSecond) {
    this.atOnce = atOnce;
    this.perSecond = perSecond;
  }

  /** Whether one more may be logged now. */
  public synchronized boolean mayLog(Instant now) {
    Instant paid = paidUntil.isAfter(now) ? paidUntil : now;
    if (!paid.isBefore(now.plusMillis(1_000L * atOnce / perSecond))) {
      leftOut++;
      return false;
    }
    paidUntil = paid.plusMillis(1_000L / perSecond);
    return true;
  }

  /** How many were left out since this was asked last. */
  public synchronized long takeLeftOut() {
    long count = leftOut;
    leftOut = 0;
    return count;
  }
}
