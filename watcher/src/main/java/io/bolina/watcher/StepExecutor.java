package io.bolina.watcher;

import io.bolina.registry.DrainOrders;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.watcher.planning.PlanStep;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Does a plan's steps, one by one, for as long as this process may act. */
final class StepExecutor {
  private final String service;
  private final DrainOrders drainOrders;
  private final Workload workload;
  private final BooleanSupplier mayAct;
  private final PendingOrders pending;
  private final EventRecorder events;
  private final LoopProgress progress;

  StepExecutor(
      String service,
      DrainOrders drainOrders,
      Workload workload,
      BooleanSupplier mayAct,
      PendingOrders pending,
      EventRecorder events,
      LoopProgress progress) {
    this.service = service;
    this.drainOrders = drainOrders;
    this.workload = workload;
    this.mayAct = mayAct;
    this.pending = pending;
    this.events = events;
    this.progress = progress;
  }

  /** Returns whether all were done. After a failure the rest waits for the next plan. */
  boolean execute(List<PlanStep> steps) {
    for (PlanStep step : steps) {
      if (!mayAct.getAsBoolean()) {
        return false;
      }
      try {
        execute(step);
        events.done(step);
      } catch (WorkloadRequestFailed | RegistryWriteFailed e) {
        events.failed(step, e);
        return false;
      }
      progress.made();
    }
    if (!steps.isEmpty()) {
      events.allDone();
    }
    return true;
  }

  private void execute(PlanStep step) {
    if (step instanceof PlanStep.DrainServer drain) {
      pending.expect(drain.serverId(), true);
      drainOrders.order(service, drain.serverId(), drain.order());
    } else if (step instanceof PlanStep.CancelDrain cancel) {
      pending.expect(cancel.serverId(), false);
      drainOrders.callOff(service, cancel.serverId());
    } else if (step instanceof PlanStep.MarkPod cost) {
      workload.mark(cost);
    } else if (step instanceof PlanStep.SetReplicas scale) {
      workload.setReplicas(scale);
    } else if (step instanceof PlanStep.EvictPod evict) {
      workload.evict(evict);
    }
  }
}
