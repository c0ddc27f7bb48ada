package io.bolina.watcher.reckoning;

import io.bolina.registry.model.DrainOrder;
import java.util.OptionalInt;

/**
 * One thing to be done. Steps are done in order; when one fails, the rest waits for the next
 * reckoning.
 */
public sealed interface Step {
  /** What it is and why, for people. */
  String reason();

  /** Closes a server to new clients. */
  record Drain(String pod, String serverId, DrainOrder order, String reason) implements Step {}

  /** Takes such an order back. */
  record CallOff(String pod, String serverId, String reason) implements Step {}

  /** Tells Kubernetes which pod to take first, or, empty, that it is like any other again. */
  record SetDeletionCost(String pod, String uid, OptionalInt cost, String reason) implements Step {}

  /**
   * Tells the target how many pods to have.
   *
   * @param from how many it is told to have now; if that has changed meanwhile, nothing is done
   */
  record Scale(int from, int to, String reason) implements Step {}

  /** Deletes a pod, if its disruption budgets allow, so that a new one takes its place. */
  record Evict(String pod, String uid, String reason) implements Step {}
}
