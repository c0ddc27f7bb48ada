package io.bolina.watcher.planning;

import java.time.Duration;

/**
 * How fast a fleet may grow or shrink.
 *
 * @param pods at most so many pods in a period, at least 1
 * @param percent or, if that is more, so many percent of the pods at the period's beginning,
 *     rounded up; 0 if pods alone count
 * @param period how long a period is
 */
public record Rate(int pods, int percent, Duration period) {
  public Rate {
    if (pods < 1 || percent < 0 || period.isNegative() || period.isZero()) {
      throw new IllegalArgumentException(
          "a rate needs at least 1 pod, 0 % or more and a period, not "
              + pods
              + " pods, "
              + percent
              + " % in "
              + period);
    }
  }

  /** How many pods may be added or removed within a period, by the pods at its beginning. */
  int allowed(int atBeginning) {
    return Math.max(pods, (atBeginning * percent + 99) / 100);
  }

  @Override
  public String toString() {
    return pods + (percent > 0 ? " or " + percent + " %" : "") + " in " + period.toSeconds() + " s";
  }
}
