package io.bolina.watcher.planning;

import io.bolina.runtime.setting.SettingType;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How fast a fleet may grow or shrink.
 *
 * @param pods at most so many pods in a period, at least 1
 * @param percent or, if that is more, so many percent of the pods at the period's beginning,
 *     rounded up; 0 if pods alone count
 * @param period how long a period is
 */
public record Rate(int pods, int percent, Duration period) {
  private static final Pattern WRITTEN = Pattern.compile("(\\d{1,6})(?:,(\\d{1,6})%)?/(.+)");

  /**
   * Reads one such as {@code 4/1m} or {@code 4,100%/1m}.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static Rate parse(String text) {
    Matcher rate = WRITTEN.matcher(text);
    if (!rate.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not PODS/TIME or PODS,PERCENT%/TIME such as 4,100%/1m");
    }
    int percent = rate.group(2) == null ? 0 : Integer.parseInt(rate.group(2));
    return new Rate(Integer.parseInt(rate.group(1)), percent, SettingType.duration(rate.group(3)));
  }

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
