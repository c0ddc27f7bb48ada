package io.bolina.registry.fleet;

import io.bolina.registry.fleet.RegistryAvailability.Fallback;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.Network;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the orders for the gate of one service: takes the results of a registry's query and passes
 * them to a listener. While the registry does not answer, the last orders hold.
 */
public final class GateOrdersTracker {
  private static final Logger log = LoggerFactory.getLogger(GateOrdersTracker.class);

  private final Clock clock;
  private final RegistryAvailability availability;
  private final Consumer<GateOrders> listener;
  private GateOrders orders;

  /**
   * @param lastKnown the orders that this or an earlier process last knew; the listener gets them
   *     at once
   * @param availability logs when the registry is unavailable
   * @param listener is called with every change, one call at a time
   */
  public GateOrdersTracker(
      String service,
      Optional<GateOrders> lastKnown,
      Clock clock,
      RegistryAvailability availability,
      Consumer<GateOrders> listener) {
    this.clock = clock;
    this.availability = availability;
    this.listener = listener;
    this.orders = lastKnown.orElse(GateOrders.none(service));
    lastKnown.ifPresent(listener);
  }

  /** The registry has these orders and no others. */
  public void received(boolean shieldsUp, List<Network> denied) {
    received(shieldsUp, denied, Optional.empty());
  }

  /**
   * The registry has these orders and no others.
   *
   * @param problem why that may be old, though it is the best there is; empty if it is not
   */
  public synchronized void received(
      boolean shieldsUp, List<Network> denied, Optional<String> problem) {
    become(
        new GateOrders(
            orders.service(),
            shieldsUp,
            denied,
            orders.source().updatedAt(clock.instant(), problem)));
  }

  /** The registry confirmed the orders. */
  public synchronized void unchanged() {
    become(orders.with(orders.source().updatedAt(clock.instant())));
  }

  /** The query for orders failed. */
  public synchronized void failed(String reason) {
    become(orders.with(orders.source().failing(reason)));
  }

  private void become(GateOrders next) {
    GateOrders last = orders;
    orders = next;
    if (next.shieldsUp() != last.shieldsUp()) {
      log.atWarn()
          .addKeyValue("service", next.service())
          .log(next.shieldsUp() ? "shields up; only known clients pass the gate" : "shields down");
    }
    if (!next.denied().equals(last.denied())) {
      log.atInfo()
          .addKeyValue("service", next.service())
          .addKeyValue("networks", next.denied().size())
          .addKeyValue("previous", last.denied().size())
          .log("denied networks changed");
    }
    availability.update(
        next.service(),
        "gate-orders",
        last.source(),
        next.source(),
        () -> next.source().lastUpdate().isPresent() ? Fallback.LAST_KNOWN : Fallback.WITHOUT);
    listener.accept(next);
  }
}
