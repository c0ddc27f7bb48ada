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
 * @param creationFailure why Kubernetes cannot create its pods, in its words, such as a quota that
 *     is exceeded; empty while it can
 * @param autoscalers the HorizontalPodAutoscalers that scale it too
 * @param budgets the PodDisruptionBudgets that cover its pods
 */
public record ScaleTarget(
    String name,
    int replicas,
    RemovalOrder removalOrder,
    Optional<String> rollout,
    Optional<String> creationFailure,
    List<String> autoscalers,
    List<DisruptionBudget> budgets) {
  public ScaleTarget {
    autoscalers = List.copyOf(autoscalers);
    budgets = List.copyOf(budgets);
  }

  /** One whose pods can be created. */
  public ScaleTarget(
      String name,
      int replicas,
      RemovalOrder removalOrder,
      Optional<String> rollout,
      List<String> autoscalers,
      List<DisruptionBudget> budgets) {
    this(name, replicas, removalOrder, rollout, Optional.empty(), autoscalers, budgets);
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
