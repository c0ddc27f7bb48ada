package io.bolina.watcher.reckoning;

import io.bolina.registry.model.Health;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a reckoning came to.
 *
 * @param frozen why nothing is changed; empty if it may be
 * @param replicas how many pods the target is told to have
 * @param staying how many of them are to stay
 * @param wanted how many there should be
 * @param reason why so many, in words
 * @param steps what is to be done now
 * @param alarms what an operator should look at
 * @param rows every pod and server, and how each stands
 * @param next what is to be remembered, if the steps were done
 */
public record Plan(
    Instant at,
    Optional<String> frozen,
    int replicas,
    int staying,
    int wanted,
    String reason,
    List<Step> steps,
    List<Alarm> alarms,
    List<Row> rows,
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
   * @param subject whom it is about
   */
  public record Alarm(String kind, String subject, String message) {}

  /**
   * How a pod, or a server without one, stands.
   *
   * @param pod whether it is a pod of the target
   * @param ready whether Kubernetes counts it as ready
   * @param health what its server says; empty if it has none
   */
  public record Row(
      String name,
      boolean pod,
      boolean ready,
      Standing standing,
      Optional<Health> health,
      Optional<Double> load,
      OptionalLong sessions,
      String why) {}
}
