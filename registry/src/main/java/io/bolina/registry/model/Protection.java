package io.bolina.registry.model;

import java.time.Instant;
import java.util.Optional;

/**
 * Whether a fleet is the registry's word, or is held against it.
 *
 * @param heldSince since when the last good fleet is kept whole because most of it vanished at
 *     once; empty when the registry's word is in force
 * @param reason the same in words; empty when the registry's word is in force
 */
public record Protection(Optional<Instant> heldSince, String reason) {
  /** The registry's word is in force. */
  public static final Protection NONE = new Protection(Optional.empty(), "");

  public boolean inForce() {
    return heldSince.isPresent();
  }
}
