package io.bolina.agent.probe;

import java.util.Optional;
import java.util.OptionalDouble;

/** Checks a server from outside. */
@FunctionalInterface
public interface Probe {
  /** Checks once; may take up to a few seconds. */
  ProbeResult run();

  /** What can tell between the rounds, and at once, that the server has ended. */
  default Optional<LifeWatch> lifeWatch() {
    return Optional.empty();
  }

  /**
   * What one check found.
   *
   * @param problem why the server is unhealthy; empty if it is healthy, as far as this probe can
   *     tell
   * @param load the load, if this probe measures it
   */
  record ProbeResult(Optional<String> problem, OptionalDouble load) {
    static final ProbeResult HEALTHY = new ProbeResult(Optional.empty(), OptionalDouble.empty());

    static ProbeResult unhealthy(String problem) {
      return new ProbeResult(Optional.of(problem), OptionalDouble.empty());
    }

    static ProbeResult ofLoad(double load) {
      return new ProbeResult(Optional.empty(), OptionalDouble.of(load));
    }
  }
}
