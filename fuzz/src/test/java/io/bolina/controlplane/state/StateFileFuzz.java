package io.bolina.controlplane.state;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.Member;
import java.io.IOException;
import java.time.Duration;
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
    requireUsable(content.savedAt());
    content
        .fleets()
        .values()
        .forEach(
            fleet -> {
              requireUsable(fleet);
              requireUsable(new LastKnownFleet(fleet, content.savedAt()).resumedAt(NOW));
            });
  }

  private static void requireUsable(Fleet fleet) {
    fleet.protection().heldSince().ifPresent(StateFileFuzz::requireUsable);
    for (Member member : fleet.members()) {
      member.since().ifPresent(StateFileFuzz::requireUsable);
      member.order().ifPresent(order -> requireUsable(order.since()));
      member.gone().ifPresent(report -> requireUsable(report.since()));
    }
  }

  /** As ages and deadlines are calculated. */
  private static void requireUsable(Instant time) {
    Duration age = Duration.between(time, NOW);
    long ms = age.toMillis();
    if (!time.plus(age).equals(NOW) || Math.abs(ms) > Duration.ofDays(366L * 300).toMillis()) {
      throw new IllegalStateException("a time that cannot be calculated with: " + time);
    }
  }
}
