package io.bolina.sandbox.chaos;

import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What a run is made of.
 *
 * @param length how long faults are made
 * @param seed decides which faults come when, to whom and for how long
 * @param clients known clients, which send steadily
 * @param interval between two datagrams of a known client
 * @param newPerSecond new clients that arrive in a second
 * @param servers each with an agent; half of them at most are befallen at a time
 * @param replicas control planes, each with a Consul agent of its own; one at least is left alone
 *     at any time
 * @param envoys which share the front
 * @param betweenFaults between two faults, on average
 * @param faultLength of the lengths that faults have by their kind, this share
 * @param kinds the faults to choose from
 * @param controlPlaneOptions further options of the control planes
 */
public record ChaosSettings(
    Duration length,
    long seed,
    int clients,
    Duration interval,
    double newPerSecond,
    int servers,
    int replicas,
    int envoys,
    Duration betweenFaults,
    double faultLength,
    Set<FaultKind> kinds,
    List<String> controlPlaneOptions) {

  public ChaosSettings {
    kinds = Set.copyOf(kinds);
    controlPlaneOptions = List.copyOf(controlPlaneOptions);
  }

  /** Every kind of fault, a fault in three seconds on average. */
  public static ChaosSettings of(Duration length, long seed) {
    return new ChaosSettings(
        length,
        seed,
        200,
        Duration.ofMillis(300),
        7,
        6,
        2,
        2,
        Duration.ofSeconds(3),
        1,
        EnumSet.allOf(FaultKind.class),
        List.of());
  }
}
