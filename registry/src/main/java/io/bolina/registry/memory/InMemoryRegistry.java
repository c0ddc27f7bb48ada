package io.bolina.registry.memory;

import io.bolina.registry.Catalog;
import io.bolina.registry.DrainOrders;
import io.bolina.registry.GoneReports;
import io.bolina.registry.Registry;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.fleet.FleetTracker;
import io.bolina.registry.fleet.GateOrdersTracker;
import io.bolina.registry.fleet.RegistryAvailability;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Network;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import io.bolina.registry.model.Source;
import io.bolina.runtime.Telemetry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * A registry in memory. Servers are put into it and taken out by the methods below; {@link #fail}
 * makes it answer as a registry that is out of reach. Every rule about what a fleet makes of that
 * is the same as on Consul, since both feed a {@link FleetTracker}.
 */
public final class InMemoryRegistry implements Registry, DrainOrders, GoneReports, Catalog {
  private final FleetSettings settings;
  private final Telemetry telemetry;
  private final RegistryAvailability availability = new RegistryAvailability(Optional.empty());
  private final Map<String, ServiceListing.Instance> servers = new TreeMap<>();
  private final Map<String, LoadReport> loads = new HashMap<>();
  private final Map<String, DrainOrder> orders = new HashMap<>();
  private final Map<String, GoneReport> goneReports = new HashMap<>();
  private final List<Tracked> watches = new ArrayList<>();
  private final Map<String, GateOrders> gates = new HashMap<>();
  private final Map<GateOrdersTracker, String> gateWatches = new LinkedHashMap<>();
  private Optional<String> failure = Optional.empty();

  public InMemoryRegistry(FleetSettings settings, Telemetry telemetry) {
    this.settings = settings;
    this.telemetry = telemetry;
  }

  /** Registers a server, or registers it again with another health. */
  public synchronized void register(Server server, Health health) {
    servers.put(server.id(), new ServiceListing.Instance(server, health, false, false, ""));
    publishHealth(server.service());
  }

  public synchronized void deregister(String id) {
    ServiceListing.Instance gone = servers.remove(id);
    if (gone != null) {
      loads.remove(id);
      publishHealth(gone.server().service());
    }
  }

  public synchronized void health(String id, Health health, String note) {
    change(
        id,
        s -> new ServiceListing.Instance(s.server(), health, s.maintenance(), s.nodeLost(), note));
  }

  /** Sets or ends a server's maintenance mode. */
  public synchronized void draining(String id, boolean draining) {
    change(
        id,
        s -> new ServiceListing.Instance(s.server(), s.health(), draining, s.nodeLost(), s.note()));
  }

  public synchronized void nodeLost(String id, boolean lost) {
    change(
        id,
        s -> new ServiceListing.Instance(s.server(), s.health(), s.maintenance(), lost, s.note()));
  }

  public synchronized void load(String id, LoadReport load) {
    loads.put(id, load);
    ServiceListing.Instance seen = servers.get(id);
    if (seen != null && failure.isEmpty()) {
      watches.stream()
          .filter(w -> w.service.equals(seen.server().service()))
          .forEach(this::publishLoad);
    }
  }

  @Override
  public synchronized void order(String service, String serverId, DrainOrder order) {
    changeOrders(service, () -> orders.put(service + "/" + serverId, order));
  }

  @Override
  public synchronized void callOff(String service, String serverId) {
    changeOrders(service, () -> orders.remove(service + "/" + serverId));
  }

  @Override
  public synchronized void report(String service, String serverId, GoneReport report) {
    changeOrders(service, () -> goneReports.put(service + "/" + serverId, report));
  }

  @Override
  public synchronized void withdraw(String service, String serverId) {
    changeOrders(service, () -> goneReports.remove(service + "/" + serverId));
  }

  @Override
  public synchronized boolean remove(Server server) {
    ServiceListing.Instance seen = servers.get(server.id());
    boolean there = seen != null && seen.server().equals(server);
    if (there) {
      deregister(server.id());
    }
    return there;
  }

  private static <T> Map<String, T> ofService(Map<String, T> all, String service) {
    Map<String, T> ofService = new HashMap<>();
    all.forEach(
        (key, entry) -> {
          if (key.startsWith(service + "/")) {
            ofService.put(key.substring(service.length() + 1), entry);
          }
        });
    return ofService;
  }

  private void changeOrders(String service, Runnable change) {
    if (failure.isPresent()) {
      throw new RegistryWriteFailed(failure.get(), null);
    }
    change.run();
    watches.stream().filter(w -> w.service.equals(service)).forEach(this::publishOrders);
  }

  private void publishOrders(Tracked watch) {
    watch.tracker.drainOrdersReceived(ofService(orders, watch.service));
    watch.tracker.goneReportsReceived(ofService(goneReports, watch.service));
  }

  /** Sets all orders for the gate of a service. */
  public synchronized void orderGate(String service, boolean shieldsUp, List<Network> denied) {
    gates.put(service, new GateOrders(service, shieldsUp, denied, Source.NEVER_UPDATED));
    if (failure.isEmpty()) {
      gateWatches.forEach((watch, of) -> publishGate(watch, of));
    }
  }

  @Override
  public synchronized WatchHandle watchGate(
      String service, Optional<GateOrders> lastKnown, Consumer<GateOrders> listener) {
    GateOrdersTracker watch =
        new GateOrdersTracker(service, lastKnown, telemetry.clock(), availability, listener);
    gateWatches.put(watch, service);
    if (failure.isPresent()) {
      watch.failed(failure.get());
    } else {
      publishGate(watch, service);
    }
    return () -> {
      synchronized (this) {
        gateWatches.remove(watch);
      }
    };
  }

  private void publishGate(GateOrdersTracker watch, String service) {
    GateOrders orders = gates.getOrDefault(service, GateOrders.none(service));
    watch.received(orders.shieldsUp(), orders.denied());
  }

  /** From now on the registry is out of reach. */
  public synchronized void fail(String why) {
    failure = Optional.of(why);
    watches.forEach(
        w -> {
          w.tracker.listingFailed(why);
          w.tracker.loadsFailed(why);
          w.tracker.drainOrdersFailed(why);
          w.tracker.goneReportsFailed(why);
        });
    gateWatches.keySet().forEach(watch -> watch.failed(why));
  }

  /** The registry can be reached again, and lists what was put into it meanwhile. */
  public synchronized void recover() {
    failure = Optional.empty();
    watches.forEach(
        w -> {
          publishLoad(w);
          publishOrders(w);
          publishHealth(w.service);
        });
    gateWatches.forEach((watch, of) -> publishGate(watch, of));
  }

  @Override
  public synchronized Watch watch(
      String service, Optional<LastKnownFleet> lastKnown, FleetListener listener) {
    Tracked watch =
        new Tracked(
            service,
            new FleetTracker(service, lastKnown, settings, telemetry, availability, listener));
    watches.add(watch);
    if (failure.isPresent()) {
      watch.tracker.listingFailed(failure.get());
      watch.tracker.loadsFailed(failure.get());
      watch.tracker.drainOrdersFailed(failure.get());
      watch.tracker.goneReportsFailed(failure.get());
    } else {
      publishLoad(watch);
      publishOrders(watch);
      watch.tracker.listingReceived(listingOf(service));
    }
    return watch;
  }

  @Override
  public synchronized void close() {
    watches.forEach(w -> w.tracker.close());
    watches.clear();
    gateWatches.clear();
  }

  private void change(String id, UnaryOperator<ServiceListing.Instance> change) {
    ServiceListing.Instance seen = servers.get(id);
    if (seen == null) {
      throw new IllegalArgumentException("no server '" + id + "' is registered");
    }
    servers.put(id, change.apply(seen));
    publishHealth(seen.server().service());
  }

  private void publishHealth(String service) {
    if (failure.isEmpty()) {
      watches.stream()
          .filter(w -> w.service.equals(service))
          .forEach(w -> w.tracker.listingReceived(listingOf(service)));
    }
  }

  private void publishLoad(Tracked watch) {
    Map<String, LoadReport> ofService = new HashMap<>();
    loads.forEach(
        (id, load) -> {
          ServiceListing.Instance seen = servers.get(id);
          if (seen != null && seen.server().service().equals(watch.service)) {
            ofService.put(id, load);
          }
        });
    watch.tracker.loadsReceived(ofService);
  }

  private ServiceListing listingOf(String service) {
    return new ServiceListing(
        servers.values().stream().filter(s -> s.server().service().equals(service)).toList());
  }

  private final class Tracked implements Watch {
    private final String service;
    private final FleetTracker tracker;

    private Tracked(String service, FleetTracker tracker) {
      this.service = service;
      this.tracker = tracker;
    }

    @Override
    public Fleet current() {
      return tracker.current();
    }

    @Override
    public void close() {
      synchronized (InMemoryRegistry.this) {
        watches.remove(this);
      }
      tracker.close();
    }
  }
}
