package io.bolina.controlplane.peers;

import java.time.Instant;
import java.util.Optional;

/**
 * Whether a replica serves Envoys.
 *
 * @param refuses whether it closes their streams and opens no new one, so that they go elsewhere
 * @param reason why, in words; empty while the registry is seen
 * @param refusedSince since when it refuses, or refused in the outage that is under way, without
 *     knowing of a replica that sees: it does that once an outage
 */
public record Standing(boolean refuses, String reason, Optional<Instant> refusedSince) {
  /** The registry is seen. */
  public static final Standing SEES = new Standing(false, "", Optional.empty());
}
