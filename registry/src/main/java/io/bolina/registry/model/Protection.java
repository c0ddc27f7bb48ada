package io.bolina.registry.model;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Whether a fleet follows the registry, or the last good one is held.
 *
 * @param heldSince since when what was good is kept because most of the fleet vanished, or was
 *     reported gone, at once; empty while the registry is followed
 * @param reason the same in words; empty while the registry is followed
 */
public record Protection(Optional<Instant> heldSince, String reason) {
  /** The registry is followed. */
  public static final Protection NONE = new Protection(Optional.empty(), "");

  public boolean inForce() {
    return heldSince.isPresent();
  }

  Protection shifted(Duration by) {
    return inForce() ? new Protection(heldSince.map(at -> at.plus(by)), reason) : this;
  }
}
