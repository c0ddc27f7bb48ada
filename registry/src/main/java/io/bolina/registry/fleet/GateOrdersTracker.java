package io.bolina.registry.fleet;

import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.Network;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the orders for the gate of one service: takes what a registry says and tells a listener.
 * While the registry does not answer, the last orders hold.
 */
public final class GateOrdersTracker {
  private static final Logger log = LoggerFactory.getLogger(GateOrdersTracker.class);

  private final Clock clock;
  private final Consumer<GateOrders> listener;
  private GateOrders orders;

  /**
   * @param lastKnown the orders that this or an earlier process last knew; the listener hears them
   *     at once
   * @param listener is called with every change, one call at a time
   */
  public GateOrdersTracker(
      String service, Optional<GateOrders> lastKnown, Clock clock, Consumer<GateOrders> listener) {
    this.clock = clock;
    this.listener = listener;
    this.orders = lastKnown.orElse(GateOrders.none(service));
    lastKnown.ifPresent(listener);
  }

  /** The orders, all of them. */
  public synchronized void ordered(boolean shieldsUp, List<Network> denied) {
    become(
        new GateOrders(
            orders.service(), shieldsUp, denied, orders.source().heardAt(clock.instant())));
  }

  /** The orders were confirmed unchanged. */
  public synchronized void unchanged() {
    become(orders.with(orders.source().heardAt(clock.instant())));
  }

  /** The orders could not be had. */
  public synchronized void failed(String why) {
    become(orders.with(orders.source().failing(why)));
  }

  private void become(GateOrders next) {
    GateOrders last = orders;
    orders = next;
    if (next.shieldsUp() != last.shieldsUp()) {
      log.warn(
          "service {}: SHIELDS {}",
          next.service(),
          next.shieldsUp() ? "UP: only known clients pass the gate" : "down again");
    }
    if (!next.denied().equals(last.denied())) {
      log.info(
          "service {}: {} networks are denied by order (before: {})",
          next.service(),
          next.denied().size(),
          last.denied().size());
    }
    FleetTracker.logTransition(next.service(), "orders for the gate", last.source(), next.source());
    listener.accept(next);
  }
}
