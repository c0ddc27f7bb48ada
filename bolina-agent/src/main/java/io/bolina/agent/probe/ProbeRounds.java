package io.bolina.agent.probe;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Runs all probes, round after round, and makes one health of their results: one failed round is a
 * warning, several in a row are critical. Of one thread.
 */
public final class ProbeRounds {
  /** Failed rounds in a row until the server is critical. */
  private static final int CRITICAL_AFTER = 3;

  private final List<Probe> probes;
  private int failures;

  public ProbeRounds(List<Probe> probes) {
    this.probes = List.copyOf(probes);
  }

  /**
   * What all probes together found in a round.
   *
   * @param load the highest that any of them measured
   */
  public record RoundResult(Health health, String note, Optional<LoadReport> load) {}

  /** Runs every probe once. */
  public RoundResult run() {
    String problem = "";
    OptionalDouble load = OptionalDouble.empty();
    for (Probe probe : probes) {
      Probe.ProbeResult result = probe.run();
      if (problem.isEmpty()) {
        problem = result.problem().orElse("");
      }
      if (result.load().isPresent()) {
        load = OptionalDouble.of(Math.max(load.orElse(0), result.load().getAsDouble()));
      }
    }
    failures = problem.isEmpty() ? 0 : failures + 1;
    Health health =
        failures == 0
            ? Health.PASSING
            : failures < CRITICAL_AFTER ? Health.WARNING : Health.CRITICAL;
    return new RoundResult(
        health,
        problem.isEmpty() ? "probes succeed" : problem,
        load.isPresent() ? Optional.of(LoadReport.of(load.getAsDouble())) : Optional.empty());
  }
}
