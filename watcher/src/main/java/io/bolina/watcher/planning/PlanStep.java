package io.bolina.watcher.planning;

import io.bolina.registry.model.DrainOrder;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One action of a plan. Steps are done in order; when one fails, the rest waits for the next plan.
 */
public sealed interface PlanStep {
  /** Why, for people. */
  String reason();

  /** Closes a server to new clients. */
  record DrainServer(String pod, String serverId, DrainOrder order, String reason)
      implements PlanStep {}

  /**
   * Removes such an order.
   *
   * @param complete whether that is the end of the drain: its pod was removed
   */
  record CancelDrain(String pod, String serverId, String reason, boolean complete)
      implements PlanStep {
    /** Before its pod was removed. */
    public CancelDrain(String pod, String serverId, String reason) {
      this(pod, serverId, reason, false);
    }
  }

  /**
   * Sets which pod Kubernetes removes first, and what keeps others from removing its node.
   *
   * @param cost its deletion cost; empty removes it
   * @param annotations what else is changed, by key; an empty value removes it
   */
  record MarkPod(
      String pod,
      String uid,
      OptionalInt cost,
      Map<String, Optional<String>> annotations,
      String reason)
      implements PlanStep {
    public MarkPod {
      annotations = Map.copyOf(annotations);
    }
  }

  /**
   * Sets the target's replicas.
   *
   * @param from the replicas now; if that has changed meanwhile, nothing is done
   */
  record SetReplicas(int from, int to, String reason) implements PlanStep {}

  /** Evicts a pod, if its disruption budgets allow, so that a new one takes its place. */
  record EvictPod(String pod, String uid, String reason) implements PlanStep {}
}
