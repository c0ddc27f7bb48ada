package io.bolina.registry.model;

import io.bolina.registry.fleet.FleetSettings;
import java.time.Instant;
import java.util.Objects;

/**
 * The fleet that this or an earlier process last knew, to go on from.
 *
 * @param fleet the fleet
 * @param at when somebody last watched it. A fleet that nobody has watched for longer than {@link
 *     FleetSettings#holdLimit} is still served until the registry answers, but is not held against
 *     the registry's answer: its servers may have been replaced meanwhile
 */
public record LastKnownFleet(Fleet fleet, Instant at) {
  public LastKnownFleet {
    Objects.requireNonNull(fleet, "fleet");
    Objects.requireNonNull(at, "at");
  }
}
