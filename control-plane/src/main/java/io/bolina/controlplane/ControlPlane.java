package io.bolina.controlplane;

import io.bolina.controlplane.admin.AdminServer;
import io.bolina.controlplane.admin.FleetPage;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.config.EndpointDelivery;
import io.bolina.controlplane.gate.GateFeed;
import io.bolina.controlplane.gate.GateRules;
import io.bolina.controlplane.gate.GateRulesFile;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.peers.SightMonitor;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.resources.GateResources;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.controlplane.served.Edition;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.Publisher;
import io.bolina.controlplane.served.ServedItem;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.state.StateFile;
import io.bolina.controlplane.stream.XdsServer;
import io.bolina.registry.Registry;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.Source;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAccess;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A control plane at work: watches the services in the registry, decides, and serves every Envoy
 * that connects.
 *
 * <p>It is wired first, without a side effect; then files and ports are opened, then the registry
 * is watched. Nothing is served until the first fleet of every service is known: an Envoy that
 * reconnects with its clusters would take fewer of them for an order to drop the others.
 *
 * <p>Pages and metrics read immutable values that those who decide and send have published. They
 * hold no lock that sending needs, so that a page of a large fleet delays no change.
 */
public final class ControlPlane implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ControlPlane.class);

  private final ControlPlaneConfig config;
  private final Registry registry;
  private final Clock clock;
  private final Instant began;
  private final Map<String, ServiceFeed> feeds = new LinkedHashMap<>();
  private final Map<String, GateFeed> gates = new LinkedHashMap<>();
  private final List<ServedResource> fromConfig = new ArrayList<>();
  private final Map<String, Registry.Watch> watches = new ConcurrentHashMap<>();
  private final List<Registry.WatchHandle> gateWatches = new ArrayList<>();
  private final Optional<StateFile> state;
  private final Optional<GateRulesFile> gateRules;
  private final Publisher publisher;
  private final XdsServer xds;
  private final SightMonitor sight;
  private final AdminServer admin;

  /** Written by the publisher's thread alone. */
  private volatile Editions served = Editions.NOTHING;

  private volatile boolean ready;

  private ControlPlane(ControlPlaneConfig config, Registry registry, Telemetry telemetry) {
    this.config = config;
    this.registry = registry;
    this.clock = telemetry.clock();
    this.began = clock.instant();
    this.state = config.stateDir().map(directory -> new StateFile(directory, telemetry));
    this.publisher = new Publisher(config.coalesce(), this::send);
    EnvoyResources resources = new EnvoyResources(config.proxy());
    for (UdpService service : config.services()) {
      wire(service, resources, telemetry);
    }
    this.gateRules =
        config
            .gateRules()
            .map(file -> new GateRulesFile(file, gates.keySet(), telemetry, this::newRules));
    this.xds =
        new XdsServer(
            config.access(),
            XdsLimits.of(config.settings()),
            telemetry,
            config.gateRules().isPresent(),
            config.endpointDelivery() == EndpointDelivery.LEDS,
            config.settings().get(ControlPlaneConfig.NO_ENVOY_WARNING),
            this::seesRegistry);
    this.sight =
        new SightMonitor(
            config.settings().all(SightMonitor.PEERS),
            config.settings().get(SightMonitor.BLIND_AFTER),
            telemetry,
            () -> ready,
            this::seesRegistry,
            registry::silence,
            xds::refuse,
            xds::offerToAll);
    this.admin =
        new AdminServer(
            config.admin(),
            AdminAccess.of(config.settings()),
            telemetry,
            this::whyNotReady,
            sight::answer,
            this::page);
    telemetry.meters().gauge("bolina.ready", this, plane -> plane.ready ? 1 : 0);
  }

  private void wire(UdpService service, EnvoyResources resources, Telemetry telemetry) {
    String name = service.name();
    ServiceFeed feed =
        new ServiceFeed(
            name,
            config.admission(),
            resources.ofServersOf(service),
            () -> gates.get(name).rules().tokens().lengths(),
            new ToPublisher());
    feed.measure(telemetry);
    feeds.put(name, feed);
    fromConfig.add(
        ServedResource.only(ServiceFeed.ENVOY_CHOOSES, name, resources.cluster(service)));
    fromConfig.add(
        ServedResource.only(
            Edition.TOKENS, EnvoyResources.tokenName(name), resources.tokenCluster(service)));
    fromConfig.add(ServedResource.only(Edition.TOKENS, name, resources.tokenListener(service)));
    fromConfig.add(ServedResource.only(Edition.PLAIN, name, resources.listener(service)));
    fromConfig.add(ServedResource.only(Edition.GATED, name, resources.gatedListener(service)));
    GateFeed gate =
        new GateFeed(
            config.proxy().sessionIdleTimeout(),
            service.routeEachDatagram(),
            rules -> publisher.publish(List.of(gateCluster(name, rules)), true));
    gate.measure(name, telemetry.meters());
    if (config.gateRules().isPresent()) {
      gate.measureSource(name, telemetry.meters(), clock);
    }
    gates.put(name, gate);
  }

  private static ServedResource gateCluster(String service, Map<String, Object> rules) {
    return ServedResource.only(
        Set.of(Edition.GATED, Edition.TOKENS),
        GateResources.clusterName(service),
        GateResources.cluster(service, rules));
  }

  /**
   * Starts a control plane.
   *
   * @throws IOException if an address cannot be listened on, the state directory not be written, or
   *     the gate's rules not be read; the message says which, and whatever was opened is closed
   */
  public static ControlPlane start(
      ControlPlaneConfig config, Registry registry, Telemetry telemetry) throws IOException {
    ControlPlane plane = new ControlPlane(config, registry, telemetry);
    try {
      plane.open();
    } catch (IOException | RuntimeException e) {
      plane.closeAll();
      throw e;
    }
    return plane;
  }

  private void open() throws IOException {
    StateFile.LastKnownState lastKnown = StateFile.LastKnownState.NOTHING;
    if (state.isPresent()) {
      state.get().open();
      lastKnown = state.get().load();
    }
    if (gateRules.isPresent()) {
      gateRules.get().open();
    }
    xds.start();
    admin.start();
    log.atInfo()
        .addKeyValue("xds", xds.address())
        .addKeyValue("admin", admin.address())
        .log("control plane started");
    for (String service : feeds.keySet()) {
      watchGate(service, Optional.ofNullable(lastKnown.gates().get(service)));
      watchFleet(service, Optional.ofNullable(lastKnown.fleets().get(service)));
    }
    sight.start();
  }

  private void watchFleet(String service, Optional<LastKnownFleet> lastKnown) {
    lastKnown.ifPresent(
        last ->
            log.atInfo()
                .addKeyValue("service", service)
                .addKeyValue("servers", last.fleet().members().size())
                .addKeyValue("savedAt", last.at())
                .log("continuing from saved state"));
    watches.put(service, registry.watch(service, lastKnown, feeds.get(service)));
  }

  /** Without rules there is nothing to order either, and no right to ask Consul is needed. */
  private void watchGate(String service, Optional<GateOrders> lastKnown) {
    GateFeed gate = gates.get(service);
    if (gateRules.isEmpty()) {
      gate.orders(GateOrders.none(service));
      return;
    }
    gateWatches.add(
        registry.watchGate(
            service,
            lastKnown,
            orders -> {
              state.ifPresent(s -> s.save(orders));
              gate.orders(orders);
            }));
  }

  private void newRules(Map<String, GateRules> rules) {
    gates.forEach((service, gate) -> gate.rules(rules.getOrDefault(service, GateRules.NONE)));
    feeds.values().forEach(ServiceFeed::findDuplicateTokens);
  }

  /** Where Envoys connect. */
  public HostPort xds() {
    return xds.address();
  }

  /** Where the admin pages are. */
  public HostPort admin() {
    return admin.address();
  }

  /** Whether the first fleet of every service is being served. */
  public boolean ready() {
    return ready;
  }

  /** Stops serving. The Envoys go on with what they have, and connect to another replica. */
  @Override
  public void close() {
    closeAll();
    log.atInfo().log("stopped");
  }

  /** What was not opened is closed all the same. */
  private void closeAll() {
    ready = false;
    watches.values().forEach(Registry.Watch::close);
    gateWatches.forEach(Registry.WatchHandle::close);
    gateRules.ifPresent(GateRulesFile::close);
    sight.close();
    publisher.close();
    xds.close();
    admin.close();
    state.ifPresent(StateFile::close);
  }

  private final class ToPublisher implements ServiceFeed.Out {
    @Override
    public void known(Fleet fleet) {
      state.ifPresent(s -> s.save(fleet));
    }

    @Override
    public void changed(List<ServedItem> servers, boolean urgent) {
      publisher.publish(servers, urgent);
    }
  }

  /** On the publisher's thread: the only one that changes what is served. */
  private void send(Collection<ServedItem> changed) {
    Editions next = served.with(changed);
    if (!ready && !isComplete(next)) {
      served = next;
      return;
    }
    if (!ready) {
      next = next.with(fromConfig);
    }
    served = next;
    xds.serve(next);
    if (!ready) {
      ready = true;
      log.atInfo().addKeyValue("services", String.join(",", feeds.keySet())).log("ready");
    }
  }

  /**
   * Whether there are servers (or the knowledge that there are none), and rules, of every service.
   */
  private boolean isComplete(Editions editions) {
    return feeds.keySet().stream()
        .allMatch(
            service ->
                editions.gated().collections().containsKey(service)
                    && gateCluster(service, editions).isPresent());
  }

  /** The cluster that carries the rules of a service's gate, once it is served. */
  private static Optional<ServedResource> gateCluster(String service, Editions editions) {
    return editions
        .gated()
        .get(ServedItem.typeUrl(Cluster.getDescriptor()), GateResources.clusterName(service));
  }

  /**
   * Whether the registry answers, for any service: that one may not be seen, for want of a right,
   * is no reason to give up the others' Envoys. A replica that has nothing to serve yet sees
   * nothing.
   */
  private boolean seesRegistry() {
    return ready && watches.values().stream().anyMatch(watch -> answers(watch.current().health()));
  }

  /** Whether a source has answered this process, and not only an earlier one, and still does. */
  private boolean answers(Source source) {
    return source.error().isEmpty()
        && source.lastUpdate().filter(at -> !at.isBefore(began)).isPresent();
  }

  private Optional<String> whyNotReady() {
    Optional<String> full = xds.full();
    if (full.isPresent()) {
      return full;
    }
    if (ready) {
      return sight.whyRefusing().map(why -> "registry not seen; " + why);
    }
    List<String> waiting = new ArrayList<>();
    feeds.forEach(
        (name, feed) -> {
          if (feed.view().isEmpty()) {
            waiting.add("the fleet of " + name);
          }
        });
    gates.forEach(
        (name, gate) -> {
          if (gate.orders().isEmpty()) {
            waiting.add("the orders for the gate of " + name);
          }
        });
    return Optional.of("not ready; waiting for " + String.join(", ", waiting));
  }

  private FleetPage page() {
    Instant now = clock.instant();
    Editions shown = served;
    return new FleetPage(
        ready,
        config.services().stream().map(service -> section(service, shown, now)).toList(),
        xds.envoys());
  }

  private FleetPage.FleetService section(UdpService service, Editions shown, Instant now) {
    String name = service.name();
    Optional<ServiceView> view = feeds.get(name).view();
    GateFeed gate = gates.get(name);
    return FleetPage.service(
        service,
        view.map(ServiceView::fleet).orElseGet(() -> notYetServed(name)),
        view.map(ServiceView::decisions).orElse(List.of()),
        new FleetPage.ServedVersions(
            view.map(v -> v.servers().version()).orElse(""),
            view.map(v -> v.serversForModule().version()).orElse("")),
        config.admission(),
        FleetPage.gate(
            gate.rules(),
            gate.orders().orElse(GateOrders.none(name)),
            gateCluster(name, shown).map(ServedResource::version).orElse(""),
            now),
        now);
  }

  /** Why there is no first fleet: what the sources say. */
  private Fleet notYetServed(String service) {
    Registry.Watch watch = watches.get(service);
    return watch == null ? Fleet.unknown(service) : watch.current();
  }
}
