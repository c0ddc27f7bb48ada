package io.bolina.watcher;

import io.bolina.watcher.reckoning.Plan;
import io.bolina.watcher.reckoning.Step;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells what was decided, and why: as a log line, a metric and a note on the target. A state is
 * told when it begins and when it ends, a step when it was done.
 */
final class Herald {
  private static final Logger log = LoggerFactory.getLogger(Watcher.class);

  private final Workload workload;
  private final MeterRegistry meters;
  private final boolean dryRun;
  private Optional<String> frozen = Optional.empty();
  private Optional<WorkloadFault.Kind> fault = Optional.empty();
  private Set<String> alarms = new HashSet<>();

  /** Failures of steps that were told, until a step was done again. */
  private final Set<String> failures = new HashSet<>();

  private Set<String> toldSteps = new HashSet<>();
  private int wanted = -1;

  Herald(Workload workload, MeterRegistry meters, boolean dryRun) {
    this.workload = workload;
    this.meters = meters;
    this.dryRun = dryRun;
  }

  /** A reckoning came to something. */
  void reckoned(Plan plan) {
    if (fault.isPresent()) {
      fault = Optional.empty();
      tell("WorkloadSeen", false, "Kubernetes can be asked again");
    }
    // The wording of a reason may hold an age; that it begins is news, not that it grows older.
    if (plan.frozen().isPresent() && frozen.isEmpty()) {
      tell("Frozen", true, "nothing is changed: " + plan.frozen().get());
    } else if (plan.frozen().isEmpty() && frozen.isPresent()) {
      tell("Resumed", false, "scaling goes on; it was frozen: " + frozen.get());
    }
    frozen = plan.frozen();
    if (plan.frozen().isEmpty() && plan.wanted() != wanted) {
      if (plan.wanted() != plan.staying()) {
        log.info("{} wanted, {} are there: {}", plan.wanted(), plan.staying(), plan.reason());
      }
      wanted = plan.wanted();
    }
    Set<String> now = new HashSet<>();
    for (Plan.Alarm alarm : plan.alarms()) {
      String key = alarm.kind() + " " + alarm.subject();
      now.add(key);
      if (!alarms.contains(key)) {
        meters.counter("bolina.watcher.alarms", "kind", alarm.kind()).increment();
        tell("Alarm", true, alarm.message());
      }
    }
    alarms = now;
  }

  /** In a dry run: what would be done, each thing once for as long as it would be. */
  void wouldDo(Plan plan) {
    Set<String> now = new HashSet<>();
    for (Step step : plan.steps()) {
      String what = Explanation.of(step);
      now.add(what);
      if (!toldSteps.contains(what)) {
        log.info("would {}", what);
      }
    }
    toldSteps = now;
  }

  /** Every step of a plan was done. */
  void didAll() {
    failures.clear();
  }

  /** A step was done. */
  void did(Step step) {
    String what = Explanation.of(step);
    if (step instanceof Step.SetDeletionCost) {
      log.debug("{}", what);
    } else {
      tell(kindOf(step), false, what);
    }
  }

  /** A step could not be done. */
  void failed(Step step, RuntimeException why) {
    meters.counter("bolina.watcher.failures").increment();
    if (why instanceof WorkloadFault f && f.kind() == WorkloadFault.Kind.CONFLICT) {
      log.info("{}; reckoned anew", f.getMessage());
    } else if (failures.add(String.valueOf(why.getMessage()))) {
      tell("Failed", true, Explanation.of(step) + " failed: " + why.getMessage());
    }
  }

  /** The workload cannot be seen. */
  void unseen(WorkloadFault why) {
    meters.counter("bolina.watcher.failures").increment();
    if (!fault.equals(Optional.of(why.kind()))) {
      fault = Optional.of(why.kind());
      tell("WorkloadUnseen", true, "nothing is changed: " + why.getMessage());
    }
  }

  private void tell(String kind, boolean warning, String message) {
    meters.counter("bolina.watcher.decisions", "kind", kind).increment();
    if (warning) {
      log.warn("{}: {}", kind, message);
    } else {
      log.info("{}: {}", kind, message);
    }
    if (!dryRun) {
      workload.note(kind, warning, message);
    }
  }

  private static String kindOf(Step step) {
    if (step instanceof Step.Drain) {
      return "DrainStarted";
    }
    if (step instanceof Step.CallOff) {
      return "DrainCalledOff";
    }
    if (step instanceof Step.Evict) {
      return "PodReplaced";
    }
    return step instanceof Step.Scale scale && scale.to() > scale.from()
        ? "ScaledUp"
        : "ScaledDown";
  }
}
