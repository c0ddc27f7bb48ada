package io.bolina.watcher;

import io.bolina.watcher.reckoning.Pod;
import io.bolina.watcher.reckoning.Step;
import io.bolina.watcher.reckoning.Target;
import java.util.List;

/** What is scaled: a target with its pods, wherever it runs. */
public interface Workload extends AutoCloseable {

  /**
   * Looks at the target and its pods.
   *
   * @throws WorkloadFault if they cannot be seen
   */
  View look();

  /**
   * Tells the target how many pods to have, unless it has changed since {@link #look}.
   *
   * @throws WorkloadFault if it was not told
   */
  void scale(Step.Scale step);

  /**
   * Says which pod is to go first, or that it is like any other again.
   *
   * @throws WorkloadFault if it was not said
   */
  void setDeletionCost(Step.SetDeletionCost step);

  /**
   * Deletes a pod as far as its disruption budgets allow.
   *
   * @throws WorkloadFault if it was not deleted
   */
  void evict(Step.Evict step);

  /**
   * Leaves a note on the target for people, as well as it can.
   *
   * @param kind what happened, in a word such as {@code ScaledUp}
   * @param warning whether it is more than news
   */
  void note(String kind, boolean warning, String message);

  @Override
  void close();

  /** The target and its pods at one moment. */
  record View(Target target, List<Pod> pods) {}
}
