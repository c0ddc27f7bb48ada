package io.bolina.watcher;

import io.bolina.watcher.gone.GoneLoop;
import io.bolina.watcher.planning.PlanStep;

/** What is scaled: a target with its pods, wherever it runs. */
public interface Workload extends AutoCloseable {

  /**
   * Reads the target and its pods.
   *
   * @throws WorkloadRequestFailed if they cannot be read
   */
  WorkloadSnapshot observe();

  /**
   * Sets the target's replicas, unless it has changed since {@link #observe}.
   *
   * @throws WorkloadRequestFailed if they were not set
   */
  void setReplicas(PlanStep.SetReplicas step);

  /**
   * Sets or removes a pod's deletion cost.
   *
   * @throws WorkloadRequestFailed if it was not set
   */
  void setDeletionCost(PlanStep.SetDeletionCost step);

  /**
   * Evicts a pod as far as its disruption budgets allow.
   *
   * @throws WorkloadRequestFailed if it was not evicted
   */
  void evict(PlanStep.EvictPod step);

  /**
   * Records an event on the target. A failure is ignored: the log has the event too.
   *
   * @param reason what happened, in a word such as {@code ScaledUp}
   * @param warning whether somebody should look at it
   */
  void recordEvent(String reason, boolean warning, String message);

  /** The pods, more often and by another thread. */
  GoneLoop.PodSource podSource();

  @Override
  void close();
}
