package io.bolina.agent.probe;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Several findings as one: one problem is a warning, the same after several looks in a row is
 * critical.
 */
public final class Probing {
  /** Looks in a row with a problem until the server is critical. */
  private static final int CRITICAL_AFTER = 3;

  private final List<Probe> probes;
  private int failures;

  public Probing(List<Probe> probes) {
    this.probes = List.copyOf(probes);
  }

  /**
   * What all probes say together.
   *
   * @param load the highest that any of them measures
   */
  public record Result(Health health, String note, Optional<LoadReport> load) {}

  public Result look() {
    String problem = "";
    OptionalDouble load = OptionalDouble.empty();
    for (Probe probe : probes) {
      Probe.Finding finding = probe.look();
      if (problem.isEmpty()) {
        problem = finding.problem().orElse("");
      }
      if (finding.load().isPresent()) {
        load = OptionalDouble.of(Math.max(load.orElse(0), finding.load().getAsDouble()));
      }
    }
    failures = problem.isEmpty() ? 0 : failures + 1;
    Health health =
        failures == 0
            ? Health.PASSING
            : failures < CRITICAL_AFTER ? Health.WARNING : Health.CRITICAL;
    return new Result(
        health,
        problem.isEmpty() ? "probed" : problem,
        load.isPresent() ? Optional.of(LoadReport.of(load.getAsDouble())) : Optional.empty());
  }
}
