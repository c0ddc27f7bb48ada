package io.bolina.watcher.planning;

import java.time.Instant;

/**
 * When the state was observed, and how old the load reports in it are.
 *
 * @param loadsAsOf when the registry last confirmed the load reports: what it reported before an
 *     order was given says nothing of the order's effect
 */
record ObservationTime(Instant now, Instant loadsAsOf) {

  static ObservationTime of(ObservedState state) {
    Instant now = state.now();
    Instant loads = state.fleet().load().lastUpdate().orElse(Instant.EPOCH);
    return new ObservationTime(now, loads.isAfter(now) ? now : loads);
  }
}
