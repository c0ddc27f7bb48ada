package io.bolina.controlplane.gate;

import io.bolina.registry.model.GateOrders;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** Puts the rules of one service and the orders for it together, whenever one of them changes. */
public final class GateFeed {
  private final Duration sessionIdleTimeout;
  private final Consumer<Map<String, Object>> out;
  private GateRules rules = GateRules.NONE;
  private Optional<GateOrders> orders = Optional.empty();
  private Optional<Map<String, Object>> config = Optional.empty();

  /**
   * @param out hears of every new configuration for the module in Envoy, one call at a time
   */
  public GateFeed(Duration sessionIdleTimeout, Consumer<Map<String, Object>> out) {
    this.sessionIdleTimeout = sessionIdleTimeout;
    this.out = out;
  }

  public synchronized void rules(GateRules now) {
    rules = now;
    putTogether();
  }

  public synchronized void orders(GateOrders now) {
    orders = Optional.of(now);
    putTogether();
  }

  /** The rules in force. */
  public synchronized GateRules rules() {
    return rules;
  }

  /** The orders in force; empty until the registry has answered, or failed to. */
  public synchronized Optional<GateOrders> orders() {
    return orders;
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

  /** Without the orders, rules would let pass for a moment whom they shut out. */
  private void putTogether() {
    if (orders.isEmpty()) {
      return;
    }
    Map<String, Object> now = GateConfig.of(rules, orders.get(), sessionIdleTimeout);
    if (!config.equals(Optional.of(now))) {
      config = Optional.of(now);
      out.accept(now);
    }
  }
}
