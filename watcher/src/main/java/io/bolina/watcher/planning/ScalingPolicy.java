package io.bolina.watcher.planning;

import java.time.Instant;

/**
 * From what the load needs to how many pods there should be now, within min and max: growing is
 * limited by a rate, shrinking also by a stabilization window.
 */
final class ScalingPolicy {
  private final WatchSettings settings;

  ScalingPolicy(WatchSettings settings) {
    this.settings = settings;
  }

  /**
   * How many pods, and why not as many as the load needs.
   *
   * @param limits in words; empty if nothing limits it
   */
  record BoundedReplicas(int pods, String limits) {}

  /**
   * Applies the limits.
   *
   * @param needed what the load needs; already in the history
   * @param now how many pods there are, those being removed not counted
   * @param reopenable how many of those being removed could be reopened, which no rate limits
   */
  BoundedReplicas bounded(int needed, int now, int reopenable, History history, Instant time) {
    int bounded = Math.max(settings.min(), Math.min(settings.max(), needed));
    String limits =
        bounded == needed
            ? ""
            : bounded == settings.max() ? "limited to max " + bounded : "raised to min " + bounded;
    if (bounded > now) {
      int grown = history.changedWithin(settings.up().period(), true, time);
      int left = Math.max(0, settings.up().allowed(now - grown) - grown);
      int most = now + Math.max(reopenable, left);
      return bounded <= most
          ? new BoundedReplicas(bounded, limits)
          : new BoundedReplicas(most, also(limits, "scale-up limited to " + settings.up()));
    }
    if (bounded < now) {
      if (now > settings.max()) {
        return new BoundedReplicas(limited(settings.max(), now, history, time), limits);
      }
      if (history.since().plus(settings.downWindow()).isAfter(time)) {
        return new BoundedReplicas(
            now,
            also(limits, "observed for less than " + settings.downWindow().toSeconds() + " s"));
      }
      int stable = Math.min(now, Math.max(bounded, history.mostRecommended()));
      if (stable == now) {
        return new BoundedReplicas(
            now,
            also(
                limits,
                "as many were needed within the last " + settings.downWindow().toSeconds() + " s"));
      }
      int limited = limited(stable, now, history, time);
      return limited == stable
          ? new BoundedReplicas(limited, limits)
          : new BoundedReplicas(limited, also(limits, "scale-down limited to " + settings.down()));
    }
    return new BoundedReplicas(bounded, limits);
  }

  private int limited(int goal, int now, History history, Instant time) {
    int shrunk = history.changedWithin(settings.down().period(), false, time);
    int left = Math.max(0, settings.down().allowed(now + shrunk) - shrunk);
    return Math.max(goal, now - left);
  }

  private static String also(String limits, String another) {
    return limits.isEmpty() ? another : limits + "; " + another;
  }
}
