package io.bolina.registry.model;

import io.bolina.registry.fleet.FleetSettings;
import java.time.Duration;
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

  /**
   * The fleet as it goes on. Its times go by a clock that was not the same before: the machine's
   * may have been set meanwhile, and a server that was to be kept for some minutes more must not be
   * given up for that. So they stand as far back as they stood when somebody last watched.
   */
  public Fleet resumedAt(Instant now) {
    Duration passed = Duration.between(at, now);
    return passed.isZero() ? fleet : fleet.shifted(passed);
  }
}
