package io.bolina.registry;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.LastKnownFleet;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/** Where servers are registered, and where a control plane or a Watcher finds them. */
public interface Registry extends AutoCloseable {

  /**
   * Watches a service until the watch is closed.
   *
   * <p>The listener gets the first fleet when the registry has given a plausible answer, or at once
   * if a last known fleet is given; then every fleet in which anything changed, the age of its
   * sources included. Calls come one at a time. A registry that does not answer is never an empty
   * fleet: it is the last one, with the error in its sources.
   *
   * @param service the service
   * @param lastKnown the fleet that this or an earlier process last saw, to go on from
   * @param listener is called with every new fleet, from a thread of the registry's; it should
   *     return soon
   */
  Watch watch(String service, Optional<LastKnownFleet> lastKnown, FleetListener listener);

  /**
   * Watches the orders for the gate of a service until the watch is closed.
   *
   * <p>The listener gets the last known orders at once, if there are any; those of the registry
   * when it has answered; then every change, the age of the source included. While the registry
   * does not answer, the last orders hold.
   *
   * @return ends the watch when it is closed
   */
  WatchHandle watchGate(
      String service, Optional<GateOrders> lastKnown, Consumer<GateOrders> listener);

  /**
   * How long ago the registry last answered anything at all, an error included. One that is only
   * spoken to when there is something new has always just answered.
   */
  default Duration silence() {
    return Duration.ZERO;
  }

  /** Ends all watches. */
  @Override
  void close();

  /** Gets every new fleet. */
  @FunctionalInterface
  interface FleetListener {
    void fleetChanged(Fleet fleet);
  }

  /** Ends a watch. */
  @FunctionalInterface
  interface WatchHandle extends AutoCloseable {
    @Override
    void close();
  }

  /** A watch under way. */
  interface Watch extends WatchHandle {
    /** What is known at this moment, with the sources as old as they are now. */
    Fleet current();

    /** Ends the watch, leaving no query behind. */
    @Override
    void close();
  }
}
