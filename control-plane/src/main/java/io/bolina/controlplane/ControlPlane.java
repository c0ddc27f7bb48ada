package io.bolina.controlplane;

import io.bolina.controlplane.admin.AdminServer;
import io.bolina.controlplane.admin.FleetPage;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.config.EndpointDelivery;
import io.bolina.controlplane.gate.GateFeed;
import io.bolina.controlplane.gate.GateRules;
import io.bolina.controlplane.gate.GateRulesFile;
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
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Warnings;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A control plane at work: watches the services in the registry, decides, and serves every Envoy
 * that connects.
 *
 * <p>Nothing is served until the first fleet of every service is known: an Envoy that reconnects
 * with its clusters would take fewer of them for an order to drop the others.
 */
public final class ControlPlane implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ControlPlane.class);

  private final ControlPlaneConfig config;
  private final Map<String, ServiceFeed> feeds = new LinkedHashMap<>();
  private final List<Registry.Watch> watches = new ArrayList<>();
  private final List<Registry.WatchHandle> gateWatches = new ArrayList<>();
  private final List<ServedResource> fromConfig = new ArrayList<>();
  private final Publisher publisher;
  private final Optional<StateFile> state;
  private final XdsServer xds;
  private final AdminServer admin;
  private final Map<String, GateFeed> gates = new LinkedHashMap<>();
  private final Optional<GateRulesFile> gateRules;
  private Editions served = Editions.NOTHING;
  private volatile boolean ready;

  private ControlPlane(
      ControlPlaneConfig config,
      Registry registry,
      PrometheusMeterRegistry meters,
      Warnings warnings,
      Clock clock)
      throws IOException {
    this.config = config;
    EnvoyResources resources = new EnvoyResources(config.proxy());
    state =
        config.stateDir().isPresent()
            ? Optional.of(new StateFile(config.stateDir().get(), meters, clock))
            : Optional.empty();
    StateFile.Known known = state.map(StateFile::load).orElse(StateFile.Known.NOTHING);
    publisher = new Publisher(config.coalesce(), this::send);
    for (UdpService service : config.services()) {
      ServiceFeed feed =
          new ServiceFeed(service.name(), config.admission(), resources, new ToPublisher());
      feed.measure(meters, clock);
      feeds.put(service.name(), feed);
      fromConfig.add(ServedResource.of(service.name(), resources.cluster(service)));
      fromConfig.add(
          ServedResource.only(Edition.PLAIN, service.name(), resources.listener(service)));
      fromConfig.add(
          ServedResource.only(Edition.GATED, service.name(), resources.gatedListener(service)));
      GateFeed gate =
          new GateFeed(
              config.proxy().sessionIdleTimeout(),
              rules ->
                  publisher.publish(
                      List.of(
                          ServedResource.only(
                              Edition.GATED,
                              GateResources.clusterName(service.name()),
                              GateResources.cluster(service.name(), rules))),
                      true));
      gate.measure(service.name(), meters);
      gates.put(service.name(), gate);
    }
    meters.gauge("bolina.ready", this, plane -> plane.ready ? 1 : 0);
    XdsServer xdsServer = null;
    GateRulesFile rulesFile = null;
    try {
      if (config.gateRules().isPresent()) {
        rulesFile =
            GateRulesFile.open(config.gateRules().get(), gates.keySet(), meters, this::newRules);
      }
      gateRules = Optional.ofNullable(rulesFile);
      xdsServer =
          new XdsServer(
              config.xds().socketAddress(),
              meters,
              warnings,
              clock,
              config.gateRules().isPresent(),
              config.endpointDelivery() == EndpointDelivery.LEDS);
      xds = xdsServer;
      admin = new AdminServer(config.admin(), meters::scrape, this::whyNotReady, () -> page(clock));
    } catch (IOException | RuntimeException e) {
      publisher.close();
      state.ifPresent(StateFile::close);
      if (rulesFile != null) {
        rulesFile.close();
      }
      if (xdsServer != null) {
        xdsServer.close();
      }
      throw e;
    }
    for (UdpService service : config.services()) {
      watchGate(service.name(), registry, Optional.ofNullable(known.gates().get(service.name())));
      Optional<LastKnownFleet> last = Optional.ofNullable(known.fleets().get(service.name()));
      last.ifPresent(
          l ->
              log.info(
                  "service {}: going on from the {} servers known at {}",
                  service.name(),
                  l.fleet().members().size(),
                  l.at()));
      watches.add(registry.watch(service.name(), last, feeds.get(service.name())));
    }
  }

  /**
   * Starts a control plane.
   *
   * @throws IOException if an address cannot be listened on, or the state directory not be used;
   *     the message says which
   */
  public static ControlPlane start(
      ControlPlaneConfig config,
      Registry registry,
      PrometheusMeterRegistry meters,
      Warnings warnings,
      Clock clock)
      throws IOException {
    ControlPlane plane = new ControlPlane(config, registry, meters, warnings, clock);
    if (config.fleet().linger().compareTo(config.proxy().sessionIdleTimeout()) < 0) {
      log.warn(
          "linger ({}) is shorter than session-idle-timeout ({}): a server that vanishes by mistake is forgotten while it may have sessions",
          config.fleet().linger(),
          config.proxy().sessionIdleTimeout());
    }
    log.info("Envoys connect to {}, admin pages are at http://{}", plane.xds(), plane.admin());
    return plane;
  }

  /** Without rules there is nothing to order either, and no right to ask Consul is needed. */
  private void watchGate(String service, Registry registry, Optional<GateOrders> lastKnown) {
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
  }

  /** Where Envoys connect. */
  public HostPort xds() {
    return new HostPort(config.xds().host(), xds.port());
  }

  /** Where the admin pages are. */
  public HostPort admin() {
    return new HostPort(config.admin().host(), admin.port());
  }

  /** Whether the first fleet of every service is being served. */
  public boolean ready() {
    return ready;
  }

  /** Stops serving. The Envoys go on with what they have, and connect to another replica. */
  @Override
  public void close() {
    ready = false;
    watches.forEach(Registry.Watch::close);
    gateWatches.forEach(Registry.WatchHandle::close);
    gateRules.ifPresent(GateRulesFile::close);
    publisher.close();
    xds.close();
    admin.close();
    state.ifPresent(StateFile::close);
    log.info("stopped");
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

  private synchronized void send(Collection<ServedItem> changed) {
    served = served.with(changed);
    if (!ready) {
      if (!isComplete()) {
        return;
      }
      served = served.with(fromConfig);
    }
    xds.serve(served);
    if (!ready) {
      ready = true;
      log.info("ready: serving {}", String.join(", ", feeds.keySet()));
    }
  }

  /**
   * Whether there are servers (or the knowledge that there are none), and rules, of every service.
   */
  private boolean isComplete() {
    return feeds.keySet().stream()
        .allMatch(
            service ->
                served.gated().collections().containsKey(service)
                    && gateCluster(service).isPresent());
  }

  /** The cluster that carries the rules of a service's gate, once it is served. */
  private Optional<ServedResource> gateCluster(String service) {
    return served
        .gated()
        .get(ServedItem.typeUrl(Cluster.getDescriptor()), GateResources.clusterName(service));
  }

  private Optional<String> whyNotReady() {
    if (ready) {
      return Optional.empty();
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
    return Optional.of("not known yet: " + String.join(", ", waiting));
  }

  private FleetPage.Gate gate(String service, Clock clock) {
    GateFeed gate = gates.get(service);
    return FleetPage.gate(
        gate.rules(),
        gate.orders().orElse(GateOrders.none(service)),
        gateCluster(service).map(ServedResource::version).orElse(""),
        clock.instant());
  }

  private synchronized FleetPage page(Clock clock) {
    List<FleetPage.Service> services = new ArrayList<>();
    for (UdpService service : config.services()) {
      Fleet current =
          watches.stream()
              .map(Registry.Watch::current)
              .filter(f -> f.service().equals(service.name()))
              .findFirst()
              .orElse(Fleet.unknown(service.name()));
      Optional<ServiceView> view = feeds.get(service.name()).view();
      services.add(
          FleetPage.service(
              service,
              view.map(ServiceView::fleet).orElse(current),
              view.map(ServiceView::decisions).orElse(List.of()),
              view.map(v -> v.servers().version()).orElse(""),
              config.admission(),
              gate(service.name(), clock),
              clock.instant()));
    }
    return new FleetPage(ready, services, xds.envoys());
  }
}
