package io.bolina.watcher;

import io.bolina.registry.model.Fleet;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Drain orders that were written or removed and that the watched fleet does not show yet. A plan
 * made before it does would choose other pods besides.
 */
final class PendingOrders {
  /** How long the registry may take to show a write. */
  private static final Duration LONGEST_DELAY = Duration.ofSeconds(10);

  private final Clock clock;
  private final Map<String, Boolean> pending = new HashMap<>();
  private Instant writtenAt = Instant.EPOCH;

  PendingOrders(Clock clock) {
    this.clock = clock;
  }

  /**
   * @param order whether there will be an order for the server, or none
   */
  void expect(String serverId, boolean order) {
    pending.put(serverId, order);
    writtenAt = clock.instant();
  }

  /** Whether to wait for the fleet to show what was written; no longer than a bound. */
  boolean awaited(Fleet fleet) {
    if (!shownBy(fleet) && clock.instant().isBefore(writtenAt.plus(LONGEST_DELAY))) {
      return true;
    }
    pending.clear();
    return false;
  }

  private boolean shownBy(Fleet fleet) {
    Set<String> ordered = new HashSet<>(fleet.ordersInAdvance().keySet());
    fleet.members().stream()
        .filter(m -> m.order().isPresent())
        .forEach(m -> ordered.add(m.server().id()));
    return pending.entrySet().stream().allMatch(e -> ordered.contains(e.getKey()) == e.getValue());
  }
}
