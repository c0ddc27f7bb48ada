package io.bolina.watcher;

import io.bolina.registry.Registry;
import io.bolina.registry.model.Fleet;
import io.bolina.watcher.planning.History;
import io.bolina.watcher.planning.ObservedState;
import io.bolina.watcher.planning.Plan;
import io.bolina.watcher.planning.Planner;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;

/** Observes, plans and acts, round by round; remembers from one to the next what planning needs. */
final class ScalingRounds {
  private final WatcherConfig config;
  private final Registry.Watch watch;
  private final Workload workload;
  private final Leadership leadership;
  private final Planner planner;
  private final PendingOrders pending;
  private final StepExecutor executor;
  private final EventRecorder events;
  private final WatcherStatus status;
  private final LoopProgress progress;
  private final LeaderlessWarning leaderless;
  private final Clock clock;
  private final Instant began;
  private History history;
  private boolean led;

  ScalingRounds(
      WatcherConfig config,
      Registry.Watch watch,
      Workload workload,
      Leadership leadership,
      PendingOrders pending,
      StepExecutor executor,
      EventRecorder events,
      WatcherStatus status,
      LoopProgress progress,
      Clock clock) {
    this.config = config;
    this.watch = watch;
    this.workload = workload;
    this.leadership = leadership;
    this.planner = new Planner(config.settings());
    this.pending = pending;
    this.executor = executor;
    this.events = events;
    this.status = status;
    this.progress = progress;
    this.leaderless = new LeaderlessWarning(clock);
    this.clock = clock;
    this.began = clock.instant();
    this.history = History.beginning(began);
  }

  /** One round. Returns whether steps were done, so that more may follow at once. */
  boolean round() {
    leaderless.leaderIs(leadership.leader());
    if (!leadership.leading()) {
      led = false;
      status.standby();
      return false;
    }
    if (!led) {
      led = true;
      history = History.beginning(clock.instant());
    }
    Fleet fleet = watch.current();
    if (pending.awaited(fleet)) {
      return true;
    }
    boolean starting = clock.instant().isBefore(began.plus(config.settings().staleAfter()));
    if (starting && !complete(fleet)) {
      return false; // the registry has not had the time to answer
    }
    Optional<WorkloadSnapshot> workloadNow = observe();
    if (workloadNow.isEmpty()) {
      return false;
    }
    progress.made();
    return act(plan(fleet, workloadNow.get()));
  }

  /** A round failed unexpectedly. */
  void failed(RuntimeException e) {
    status.faulty("unexpected error: " + e);
    history = history.interrupted(clock.instant());
  }

  private static boolean complete(Fleet fleet) {
    return fleet.health().lastUpdate().isPresent()
        && fleet.load().lastUpdate().isPresent()
        && fleet.orders().lastUpdate().isPresent();
  }

  private Optional<WorkloadSnapshot> observe() {
    try {
      return Optional.of(workload.observe());
    } catch (WorkloadRequestFailed e) {
      events.unavailable(e);
      status.faulty(e.getMessage());
      history = history.interrupted(clock.instant());
      return Optional.empty();
    }
  }

  private Plan plan(Fleet fleet, WorkloadSnapshot now) {
    Plan plan =
        planner.plan(new ObservedState(clock.instant(), fleet, now.target(), now.pods()), history);
    status.planned(plan);
    events.planned(plan);
    return plan;
  }

  private boolean act(Plan plan) {
    if (config.dryRun()) {
      events.skipped(plan);
      history = plan.next().withoutActionsSince(history);
      return false;
    }
    boolean allDone = executor.execute(plan.steps());
    history = allDone ? plan.next() : plan.next().withoutActionsSince(history);
    return allDone && !plan.steps().isEmpty();
  }
}
