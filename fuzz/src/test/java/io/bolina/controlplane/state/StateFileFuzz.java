package io.bolina.controlplane.state;

import io.bolina.registry.model.LastKnownFleet;
import java.io.IOException;
import java.time.Instant;

/**
 * The state file. It may be damaged as a whole, which {@code StateFile} sees by these exceptions;
 * what is read can be calculated with.
 */
public final class StateFileFuzz {
  private static final Instant NOW = Instant.parse("2026-11-27T12:00:00Z");

  private StateFileFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) {
    StateFile.Content content;
    try {
      content = new StateReader((service, why) -> {}).read(data);
    } catch (IOException | RuntimeException e) {
      return;
    }
    content
        .fleets()
        .values()
        .forEach(fleet -> new LastKnownFleet(fleet, content.savedAt()).resumedAt(NOW));
  }
}
