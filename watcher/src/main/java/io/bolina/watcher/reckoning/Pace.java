package io.bolina.watcher.reckoning;

import java.time.Instant;

/**
 * From what the load calls for to how many pods there should be now: growing is a matter of rate
 * alone, shrinking also of patience.
 */
final class Pace {
  private final WatchSettings settings;

  Pace(WatchSettings settings) {
    this.settings = settings;
  }

  /**
   * A size, and why it is not another one.
   *
   * @param limits in words; empty if nothing limits it
   */
  record Wanted(int pods, String limits) {}

  /**
   * Reckons.
   *
   * @param called what the load calls for; already in the history
   * @param now how many pods there are, victims not counted
   * @param reopening how many of the victims could be reopened, which no rate limits
   */
  Wanted wanted(int called, int now, int reopening, History history, Instant time) {
    int bounded = Math.max(settings.min(), Math.min(settings.max(), called));
    String limits =
        bounded == called
            ? ""
            : bounded == settings.max() ? "at most " + bounded : "at least " + bounded;
    if (bounded > now) {
      int grown = history.changedWithin(settings.up().period(), true, time);
      int left = Math.max(0, settings.up().allowed(now - grown) - grown);
      int most = now + Math.max(reopening, left);
      return bounded <= most
          ? new Wanted(bounded, limits)
          : new Wanted(most, also(limits, "grows by at most " + settings.up()));
    }
    if (bounded < now) {
      if (now > settings.max()) {
        return new Wanted(slowly(settings.max(), now, history, time), limits);
      }
      if (history.since().plus(settings.downWindow()).isAfter(time)) {
        return new Wanted(
            now, also(limits, "watched for less than " + settings.downWindow().toSeconds() + " s"));
      }
      int patient = Math.min(now, Math.max(bounded, history.mostRecommended()));
      if (patient == now) {
        return new Wanted(
            now,
            also(limits, "as many were needed within " + settings.downWindow().toSeconds() + " s"));
      }
      int slow = slowly(patient, now, history, time);
      return slow == patient
          ? new Wanted(slow, limits)
          : new Wanted(slow, also(limits, "shrinks by at most " + settings.down()));
    }
    return new Wanted(bounded, limits);
  }

  private int slowly(int aim, int now, History history, Instant time) {
    int shrunk = history.changedWithin(settings.down().period(), false, time);
    int left = Math.max(0, settings.down().allowed(now + shrunk) - shrunk);
    return Math.max(aim, now - left);
  }

  private static String also(String limits, String another) {
    return limits.isEmpty() ? another : limits + "; " + another;
  }
}
