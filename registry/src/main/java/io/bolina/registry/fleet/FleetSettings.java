package io.bolina.registry.fleet;

import java.time.Duration;

/**
 * How long a server that cannot be seen is kept, and why it is.
 *
 * @param linger how long a server that vanished from the registry is kept for its sessions, closed
 *     to new clients. Default 10 min, which is the default session idle timeout: after it no
 *     session can be left that Envoy still knows
 * @param goneAfter how long a machine may be lost before its servers are given up and their clients
 *     moved. Default 30 s
 * @param holdLimit how long a fleet of which more than half vanished at once is kept whole before
 *     the registry is followed after all. Default 30 min
 */
public record FleetSettings(Duration linger, Duration goneAfter, Duration holdLimit) {
  public static final FleetSettings DEFAULTS =
      new FleetSettings(Duration.ofMinutes(10), Duration.ofSeconds(30), Duration.ofMinutes(30));

  public FleetSettings {
    requireNotNegative("linger", linger);
    requireNotNegative("gone-after", goneAfter);
    requireNotNegative("hold-limit", holdLimit);
  }

  private static void requireNotNegative(String name, Duration value) {
    if (value.isNegative()) {
      throw new IllegalArgumentException(name + " is " + value + ", less than 0");
    }
  }
}
