package io.bolina.registry.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.registry.Registry;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class InMemoryRegistryTest {
  private final InMemoryRegistry registry =
      new InMemoryRegistry(FleetSettings.DEFAULTS, Telemetry.create());

  private static Server server(String id, int port) {
    return new Server(id, "bolina", "127.0.0.1", port, "", Map.of());
  }

  @Test
  void a_watch_follows_it_unless_it_fails() {
    registry.register(server("b-1", 1), Health.PASSING);
    registry.register(server("b-2", 2), Health.PASSING);
    registry.register(new Server("x", "other", "127.0.0.1", 3, "", Map.of()), Health.PASSING);
    try (Registry.Watch watch = registry.watch("bolina", Optional.empty(), fleet -> {})) {
      await().until(() -> watch.current().members().size() == 2);
      registry.fail("gone fishing");
      registry.health("b-1", Health.CRITICAL, "slow disk");
      registry.load("b-2", LoadReport.of(0.5));
      await().until(() -> watch.current().health().error().isPresent());
      Fleet failing = watch.current();
      assertThat(failing.members()).hasSize(2).allMatch(m -> m.health() == Health.PASSING);
      registry.recover();
      await().until(() -> watch.current().members().get(0).health() == Health.CRITICAL);
      await().until(() -> watch.current().members().get(1).load().isPresent());
      registry.order("bolina", "b-1", new DrainOrder("ann", Instant.EPOCH, "", Map.of()));
      await().until(() -> watch.current().members().get(0).draining());
      registry.order("bolina", "b-9", new DrainOrder("ann", Instant.EPOCH, "", Map.of()));
      await().until(() -> watch.current().ordersInAdvance().containsKey("b-9"));
      registry.register(server("b-9", 9), Health.PASSING);
      await().until(() -> watch.current().members().size() == 3);
      assertThat(watch.current().members().get(2).draining()).isTrue();
      assertThat(watch.current().ordersInAdvance()).isEmpty();
      registry.callOff("bolina", "b-9");
      registry.deregister("b-9");
      registry.callOff("bolina", "b-1");
      await().until(() -> !watch.current().members().get(0).draining());
      registry.deregister("b-2");
      await().until(() -> watch.current().members().get(1).presence() == Presence.VANISHED);
    }
  }
}
