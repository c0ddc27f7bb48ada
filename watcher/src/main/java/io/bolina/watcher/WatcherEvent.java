package io.bolina.watcher;

import org.slf4j.event.Level;

/** What a Watcher records: a log line, a metric, and an Event on the target. */
enum WatcherEvent {
  SCALING_SUSPENDED("ScalingSuspended", "scaling suspended", Level.WARN),
  SCALING_RESUMED("ScalingResumed", "scaling resumed", Level.INFO),
  WORKLOAD_UNAVAILABLE(
      "WorkloadUnavailable", "workload unavailable; scaling suspended", Level.WARN),
  WORKLOAD_AVAILABLE("WorkloadAvailable", "workload available again", Level.INFO),
  ALARM_RAISED("AlarmRaised", "alarm raised", Level.WARN),
  DRAIN_STARTED("DrainStarted", "drain started", Level.INFO),
  DRAIN_CANCELED("DrainCanceled", "drain canceled", Level.INFO),
  DRAIN_COMPLETED("DrainCompleted", "drain completed", Level.INFO),
  SCALED_UP("ScaledUp", "scaled up", Level.INFO),
  SCALED_DOWN("ScaledDown", "scaled down", Level.INFO),
  POD_EVICTED("PodEvicted", "pod evicted", Level.INFO),
  STEP_FAILED("StepFailed", "step failed", Level.WARN);

  private final String reason;
  private final String phrase;
  private final Level level;

  WatcherEvent(String reason, String phrase, Level level) {
    this.reason = reason;
    this.phrase = phrase;
    this.level = level;
  }

  /** The reason of the Kubernetes Event, and the label of the metric. */
  String reason() {
    return reason;
  }

  /** The log message, and the beginning of the Event's. */
  String phrase() {
    return phrase;
  }

  Level level() {
    return level;
  }
}
