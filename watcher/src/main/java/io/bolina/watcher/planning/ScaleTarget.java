package io.bolina.watcher.planning;

import java.util.List;
import java.util.Optional;

/**
 * The target whose pods are scaled, and what else affects them.
 *
 * @param name as it is shown, e.g. {@code deployment/bolina}
 * @param replicas how many pods it should have by its spec
 * @param removalOrder which pods it loses first when its replicas are lowered
 * @param rollout the rollout in progress, in words; empty if there is none
 * @param autoscalers the HorizontalPodAutoscalers that scale it too
 * @param budgets the PodDisruptionBudgets that cover its pods
 */
public record ScaleTarget(
    String name,
    int replicas,
    RemovalOrder removalOrder,
    Optional<String> rollout,
    List<String> autoscalers,
    List<DisruptionBudget> budgets) {
  public ScaleTarget {
    autoscalers = List.copyOf(autoscalers);
    budgets = List.copyOf(budgets);
  }

  /**
   * A PodDisruptionBudget.
   *
   * @param allowed how many disruptions it allows now
   */
  public record DisruptionBudget(String name, int allowed) {}

  /** How many ready pods may go at once by all budgets. */
  int disruptionsAllowed() {
    return budgets.stream().mapToInt(DisruptionBudget::allowed).min().orElse(Integer.MAX_VALUE);
  }
}
