package io.bolina.watcher.reckoning;

import java.util.List;
import java.util.Optional;

/**
 * What is scaled, and what else stands in the way of that.
 *
 * @param name as it is shown, e.g. {@code deployment/bolina}
 * @param replicas how many pods it is told to have
 * @param removal which pods it loses when it is told to have fewer
 * @param rollout what is being rolled out, in words; empty if nothing is
 * @param autoscalers the HorizontalPodAutoscalers that scale it too
 * @param budgets the PodDisruptionBudgets that its pods are under
 */
public record Target(
    String name,
    int replicas,
    Removal removal,
    Optional<String> rollout,
    List<String> autoscalers,
    List<Budget> budgets) {
  public Target {
    autoscalers = List.copyOf(autoscalers);
    budgets = List.copyOf(budgets);
  }

  /**
   * A PodDisruptionBudget.
   *
   * @param allowed how many pods it lets go at this moment
   */
  public record Budget(String name, int allowed) {}

  /** How many ready pods may go at once for all that budgets say. */
  int disruptionsAllowed() {
    return budgets.stream().mapToInt(Budget::allowed).min().orElse(Integer.MAX_VALUE);
  }
}
