package io.bolina.demo;

import io.bolina.registry.Registry;
import io.bolina.registry.ServerToken;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** The demo's registry without a Consul. */
final class InMemoryDemoRegistry implements DemoRegistry {
  private final InMemoryRegistry registry;

  InMemoryDemoRegistry() {
    registry = new InMemoryRegistry(FleetSettings.DEFAULTS, Telemetry.create());
  }

  @Override
  public String name() {
    return "a registry in memory";
  }

  @Override
  public String service() {
    return "bolina";
  }

  @Override
  public Registry open() {
    return new Shared(registry);
  }

  @Override
  public void register(String id, InetSocketAddress address, String token) {
    registry.register(
        new Server(
            id,
            service(),
            address.getHostString(),
            address.getPort(),
            "",
            Map.of(ServerToken.METADATA, token)),
        Health.PASSING);
  }

  @Override
  public void deregister(String id) {
    registry.deregister(id);
  }

  @Override
  public void health(String id, Health health, String output) {
    registry.health(id, health, output);
  }

  @Override
  public void draining(String id, boolean draining) {
    registry.draining(id, draining);
  }

  @Override
  public void load(String id, double load, long sessions) {
    registry.load(id, LoadReport.of(load, sessions));
  }

  @Override
  public void shields(boolean up) {
    registry.orderGate(service(), up, List.of());
  }

  @Override
  public void cutOff() {
    registry.fail("connection refused (the demo cut it off)");
  }

  @Override
  public void reconnect() {
    registry.recover();
  }

  @Override
  public void close() {
    registry.close();
  }

  /** One control plane's access: closing it ends that one's watches only. */
  private static final class Shared implements Registry {
    private final Registry registry;
    private final List<WatchHandle> watches = new ArrayList<>();

    private Shared(Registry registry) {
      this.registry = registry;
    }

    @Override
    public Watch watch(String service, Optional<LastKnownFleet> lastKnown, FleetListener listener) {
      Watch watch = registry.watch(service, lastKnown, listener);
      watches.add(watch);
      return watch;
    }

    @Override
    public WatchHandle watchGate(
        String service, Optional<GateOrders> lastKnown, Consumer<GateOrders> listener) {
      WatchHandle watch = registry.watchGate(service, lastKnown, listener);
      watches.add(watch);
      return watch;
    }

    @Override
    public void close() {
      watches.forEach(WatchHandle::close);
    }
  }
}
