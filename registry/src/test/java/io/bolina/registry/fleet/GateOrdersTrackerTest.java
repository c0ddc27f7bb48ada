package io.bolina.registry.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.Network;
import io.bolina.registry.model.Source;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class GateOrdersTrackerTest {
  private static final Instant NOW = Instant.parse("2026-11-25T03:00:00Z");
  private static final Clock CLOCK = Clock.fixed(NOW, ZoneOffset.UTC);
  private static final RegistryAvailability AVAILABILITY =
      new RegistryAvailability(Optional.empty());
  private static final List<Network> DENIED = List.of(Network.parse("10.0.0.0/8"));

  private final List<GateOrders> orders = new ArrayList<>();

  @Test
  void the_listener_gets_nothing_before_something_is_known() {
    GateOrdersTracker watch =
        new GateOrdersTracker("bolina", Optional.empty(), CLOCK, AVAILABILITY, orders::add);
    assertThat(orders).isEmpty();
    watch.received(true, DENIED);
    assertThat(orders)
        .containsExactly(
            new GateOrders("bolina", true, DENIED, new Source(Optional.of(NOW), Optional.empty())));
  }

  @Test
  void a_fault_changes_no_order() {
    GateOrders known =
        new GateOrders(
            "bolina", true, DENIED, new Source(Optional.of(Instant.EPOCH), Optional.empty()));
    GateOrdersTracker watch =
        new GateOrdersTracker("bolina", Optional.of(known), CLOCK, AVAILABILITY, orders::add);
    watch.failed("no answer");
    watch.unchanged();
    assertThat(orders).allMatch(known::sameAs).hasSize(3);
    assertThat(orders.get(1).source())
        .isEqualTo(new Source(Optional.of(Instant.EPOCH), Optional.of("no answer")));
    assertThat(orders.get(2).source()).isEqualTo(new Source(Optional.of(NOW), Optional.empty()));
    watch.received(false, List.of());
    assertThat(orders.get(3).sameAs(known)).isFalse();
  }
}
