package io.bolina.agent.probe;

import java.util.Optional;
import java.util.OptionalDouble;

/** Looks at a server from outside. */
@FunctionalInterface
public interface Probe {
  /** Looks once; may take up to a few seconds. */
  Finding look();

  /**
   * What was found.
   *
   * @param problem why the server is not well; empty if it is, as far as this probe can tell
   * @param load the load, if this probe measures it
   */
  record Finding(Optional<String> problem, OptionalDouble load) {
    static final Finding WELL = new Finding(Optional.empty(), OptionalDouble.empty());

    static Finding ill(String problem) {
      return new Finding(Optional.of(problem), OptionalDouble.empty());
    }

    static Finding loaded(double load) {
      return new Finding(Optional.empty(), OptionalDouble.of(load));
    }
  }
}
