package io.bolina.watcher;

import io.bolina.watcher.gone.PodHome;
import io.bolina.watcher.gone.PodLife;
import io.bolina.watcher.planning.PlanStep;
import java.util.List;
import java.util.Optional;

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
   * Sets or removes a pod's deletion cost and other annotations, in one write.
   *
   * @throws WorkloadRequestFailed if they were not set
   */
  void mark(PlanStep.MarkPod step);

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

  /**
   * All its pods, those that have ended included; asked more often than {@link #observe}, and by
   * another thread. Empty while it is not known which those are.
   *
   * @throws WorkloadRequestFailed if they cannot be listed
   */
  Optional<List<PodLife>> pods();

  /**
   * Whether there is a pod of this name and uid.
   *
   * @throws WorkloadRequestFailed if that is not known
   */
  boolean exists(String podName, String uid);

  /** Where its pods are: of others {@link #exists} knows nothing. */
  default PodHome home() {
    return PodHome.UNKNOWN;
  }

  @Override
  void close();
}
