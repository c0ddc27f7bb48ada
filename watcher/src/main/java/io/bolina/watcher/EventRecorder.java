package io.bolina.watcher;

import io.bolina.watcher.planning.Plan;
import io.bolina.watcher.planning.PlanStep;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Records what was decided, and why: a log line, a metric and an Event on the target, once each. A
 * condition is recorded when it begins and when it ends, a step when it was done.
 */
final class EventRecorder {
  private static final Logger log = LoggerFactory.getLogger(EventRecorder.class);

  private final Workload workload;
  private final MeterRegistry meters;
  private final BooleanSupplier posts;
  private Optional<String> suspended = Optional.empty();
  private Optional<WorkloadRequestFailed.Kind> unavailable = Optional.empty();
  private Set<String> alarms = new HashSet<>();

  private final Runnable recorded;

  /** Failures of steps that were recorded, until all steps of a plan were done. */
  private final Set<String> failures = new HashSet<>();

  private Set<String> skippedSteps = new HashSet<>();
  private int desired = -1;

  /**
   * @param posts whether this Watcher writes Events: only who leads does, or each would be there as
   *     often as there are Watchers
   * @param recorded is run after each event: writing many takes long while the API is slow
   */
  EventRecorder(Workload workload, MeterRegistry meters, BooleanSupplier posts, Runnable recorded) {
    this.recorded = recorded;
    this.workload = workload;
    this.meters = meters;
    this.posts = posts;
  }

  /** There is a new plan. */
  void planned(Plan plan) {
    if (unavailable.isPresent()) {
      unavailable = Optional.empty();
      record(WatcherEvent.WORKLOAD_AVAILABLE, "", Map.of());
    }
    // A reason may name an age: its beginning is an event, not that it grows older.
    if (plan.suspended().isPresent() && suspended.isEmpty()) {
      String reason = plan.suspended().get();
      record(WatcherEvent.SCALING_SUSPENDED, reason, Map.of("reason", reason));
    } else if (plan.suspended().isEmpty() && suspended.isPresent()) {
      String before = suspended.get();
      record(WatcherEvent.SCALING_RESUMED, "was suspended: " + before, Map.of("was", before));
    }
    suspended = plan.suspended();
    if (plan.suspended().isEmpty() && plan.desired() != desired) {
      if (plan.desired() != plan.staying()) {
        log.atInfo()
            .addKeyValue("desired", plan.desired())
            .addKeyValue("current", plan.staying())
            .addKeyValue("reason", plan.reason())
            .log("desired replicas changed");
      }
      desired = plan.desired();
    }
    raise(plan);
  }

  private void raise(Plan plan) {
    Set<String> now = new HashSet<>();
    for (Plan.Alarm alarm : plan.alarms()) {
      String key = alarm.kind() + " " + alarm.subject();
      now.add(key);
      if (!alarms.contains(key)) {
        meters.counter("bolina.watcher.alarms", "kind", alarm.kind()).increment();
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("kind", alarm.kind());
        keys.put("subject", alarm.subject());
        keys.put("reason", alarm.message());
        record(WatcherEvent.ALARM_RAISED, alarm.message(), keys);
      }
    }
    alarms = now;
  }

  /** In a dry run: what would be done, each step once for as long as it is in the plan. */
  void skipped(Plan plan) {
    Set<String> now = new HashSet<>();
    for (PlanStep step : plan.steps()) {
      String what = Explanation.of(step);
      now.add(what);
      if (!skippedSteps.contains(what)) {
        log.atInfo().addKeyValue("step", what).log("dry run; step not applied");
      }
    }
    skippedSteps = now;
  }

  /** Every step of a plan was done. */
  void allDone() {
    failures.clear();
  }

  /** A step was done. */
  void done(PlanStep step) {
    if (step instanceof PlanStep.DrainServer drain) {
      drain(WatcherEvent.DRAIN_STARTED, drain.pod(), drain.serverId(), drain.reason());
    } else if (step instanceof PlanStep.CancelDrain cancel) {
      WatcherEvent event =
          cancel.complete() ? WatcherEvent.DRAIN_COMPLETED : WatcherEvent.DRAIN_CANCELED;
      drain(event, cancel.pod(), cancel.serverId(), cancel.reason());
    } else if (step instanceof PlanStep.SetReplicas scale) {
      Map<String, Object> keys = new LinkedHashMap<>();
      keys.put("current", scale.from());
      keys.put("desired", scale.to());
      keys.put("reason", scale.reason());
      record(
          scale.to() > scale.from() ? WatcherEvent.SCALED_UP : WatcherEvent.SCALED_DOWN,
          scale.from() + " to " + scale.to() + ": " + scale.reason(),
          keys);
    } else if (step instanceof PlanStep.EvictPod evict) {
      Map<String, Object> keys = new LinkedHashMap<>();
      keys.put("pod", evict.pod());
      keys.put("reason", evict.reason());
      record(WatcherEvent.POD_EVICTED, evict.pod() + ": " + evict.reason(), keys);
    } else {
      log.atDebug().addKeyValue("step", Explanation.of(step)).log("step done");
    }
  }

  private void drain(WatcherEvent event, String pod, String server, String reason) {
    Map<String, Object> keys = new LinkedHashMap<>();
    keys.put("pod", pod);
    keys.put("server", server);
    keys.put("reason", reason);
    record(event, pod + ": " + reason, keys);
  }

  /** A step could not be done. */
  void failed(PlanStep step, RuntimeException why) {
    meters.counter("bolina.watcher.failures").increment();
    String error = why.getMessage() == null ? why.toString() : why.getMessage();
    if (why instanceof WorkloadRequestFailed f && f.kind() == WorkloadRequestFailed.Kind.CONFLICT) {
      log.atInfo()
          .addKeyValue("error", error)
          .log("workload was changed meanwhile; planning again");
    } else if (failures.add(error)) {
      Map<String, Object> keys = new LinkedHashMap<>();
      keys.put("step", Explanation.of(step));
      keys.put("error", error);
      record(WatcherEvent.STEP_FAILED, Explanation.of(step) + ": " + error, keys);
    }
  }

  /** The workload cannot be read. */
  void unavailable(WorkloadRequestFailed why) {
    meters.counter("bolina.watcher.failures").increment();
    if (!unavailable.equals(Optional.of(why.kind()))) {
      unavailable = Optional.of(why.kind());
      record(
          WatcherEvent.WORKLOAD_UNAVAILABLE,
          why.getMessage(),
          Map.of("error", String.valueOf(why.getMessage())));
    }
  }

  private void record(WatcherEvent event, String message, Map<String, Object> keys) {
    meters.counter("bolina.watcher.events", "reason", event.reason()).increment();
    LoggingEventBuilder line = log.atLevel(event.level());
    for (Map.Entry<String, Object> key : keys.entrySet()) {
      line = line.addKeyValue(key.getKey(), key.getValue());
    }
    line.log(event.phrase());
    if (posts.getAsBoolean()) {
      workload.recordEvent(
          event.reason(),
          event.level() == Level.WARN,
          message.isEmpty() ? event.phrase() : event.phrase() + ": " + message);
      recorded.run();
    }
  }
}
