package io.bolina.watcher.planning;

import io.bolina.registry.model.Health;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What is to be done, and why.
 *
 * @param at when it was made
 * @param suspended why nothing may be changed; empty if it may
 * @param current the target's replicas
 * @param staying how many of them are not being removed
 * @param desired how many there should be
 * @param reason why so many, in words
 * @param steps what is to be done now
 * @param alarms what an operator should look at
 * @param rows every pod and server with its state
 * @param next what is to be remembered, if the steps were done
 */
public record Plan(
    Instant at,
    Optional<String> suspended,
    int current,
    int staying,
    int desired,
    String reason,
    List<PlanStep> steps,
    List<Alarm> alarms,
    List<PodRow> rows,
    History next) {
  public Plan {
    steps = List.copyOf(steps);
    alarms = List.copyOf(alarms);
    rows = List.copyOf(rows);
  }

  /**
   * Something an operator should look at.
   *
   * @param kind what it is: one of few, for a metric
   * @param subject what it is about
   */
  public record Alarm(String kind, String subject, String message) {}

  /**
   * A pod, or a server without one, for people.
   *
   * @param pod whether it is a pod of the target
   * @param ready whether Kubernetes counts it as ready
   * @param health its server's; empty if it has none
   */
  public record PodRow(
      String name,
      boolean pod,
      boolean ready,
      PodState state,
      Optional<Health> health,
      Optional<Double> load,
      OptionalLong sessions,
      String note) {}
}
