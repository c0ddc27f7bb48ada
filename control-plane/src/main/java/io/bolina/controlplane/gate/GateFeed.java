package io.bolina.controlplane.gate;

import io.bolina.registry.model.GateOrders;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Puts the rules of one service and the orders for it together, whenever one of them changes. What
 * is in force is published as one immutable value, so that pages and metrics delay nothing.
 */
public final class GateFeed {
  private final Duration sessionIdleTimeout;
  private final boolean routeEachDatagram;
  private final Consumer<Map<String, Object>> out;
  private volatile InForce inForce =
      new InForce(GateRules.NONE, Optional.empty(), Optional.empty());

  /**
   * @param config for the module in Envoy; empty until the orders are known
   */
  private record InForce(
      GateRules rules, Optional<GateOrders> orders, Optional<Map<String, Object>> config) {}

  /**
   * @param routeEachDatagram whether the module is asked for the server of each datagram
   * @param out gets every new configuration for the module in Envoy, one call at a time
   */
  public GateFeed(
      Duration sessionIdleTimeout, boolean routeEachDatagram, Consumer<Map<String, Object>> out) {
    this.sessionIdleTimeout = sessionIdleTimeout;
    this.routeEachDatagram = routeEachDatagram;
    this.out = out;
  }

  public synchronized void rules(GateRules now) {
    become(now, inForce.orders());
  }

  public synchronized void orders(GateOrders now) {
    become(inForce.rules(), Optional.of(now));
  }

  /** The rules in force. */
  public GateRules rules() {
    return inForce.rules();
  }

  /** The orders in force; empty until the registry has answered, or failed to. */
  public Optional<GateOrders> orders() {
    return inForce.orders();
  }

  public void measure(String service, MeterRegistry meters) {
    Gauge.builder(
            "bolina.gate.shields.up",
            this,
            f -> f.orders().filter(GateOrders::shieldsUp).isPresent() ? 1 : 0)
        .description("1 while only known clients may pass the gate")
        .tag("service", service)
        .register(meters);
    Gauge.builder(
            "bolina.gate.denied.by.order",
            this,
            f -> f.orders().map(o -> o.denied().size()).orElse(0))
        .description("Networks that are denied in the registry")
        .tag("service", service)
        .register(meters);
  }

  /** How far the orders can be trusted; for a control plane that watches them. */
  public void measureSource(String service, MeterRegistry meters, Clock clock) {
    Gauge.builder(
            "bolina.registry.up",
            this,
            f -> f.orders().filter(o -> o.source().error().isEmpty()).isPresent() ? 1 : 0)
        .description("1 while the registry answers")
        .tag("service", service)
        .tag("source", "gate-orders")
        .register(meters);
    Gauge.builder(
            "bolina.registry.age",
            this,
            f ->
                f.orders()
                    .flatMap(o -> o.source().age(clock.instant()))
                    .map(age -> age.toMillis() / 1000.0)
                    .orElse(Double.NaN))
        .description("How long ago the registry last answered")
        .baseUnit("seconds")
        .tag("service", service)
        .tag("source", "gate-orders")
        .register(meters);
  }

  /** Rules without the orders would let denied networks pass for a moment. */
  private void become(GateRules rules, Optional<GateOrders> orders) {
    Optional<Map<String, Object>> last = inForce.config();
    Optional<Map<String, Object>> config =
        orders.map(known -> GateConfig.of(rules, known, sessionIdleTimeout, routeEachDatagram));
    inForce = new InForce(rules, orders, config);
    if (config.isPresent() && !config.equals(last)) {
      out.accept(config.get());
    }
  }
}
