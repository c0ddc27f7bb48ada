package io.bolina.controlplane;

import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.admission.Changes;
import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.admission.Decision.Standing;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedItem;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.served.ServedServer;
import io.bolina.registry.Registry;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Source;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns the fleets of one service into its load assignment, and says in the log what changed. */
final class ServiceFeed implements Registry.FleetListener {
  /** Of a change of more servers than this, the log has the number only. */
  private static final int NAMED = 20;

  private static final String MEMBER = ServedItem.typeUrl(LbEndpoint.getDescriptor());

  private static final Logger log = LoggerFactory.getLogger(ServiceFeed.class);

  private final String service;
  private final AdmissionSettings settings;
  private final Admission admission;
  private final EnvoyResources resources;
  private final Out out;
  private final List<ServedCollection.Name> names;

  /** What was made of the last decisions. */
  private IdentityHashMap<Decision, ServedServer> made = new IdentityHashMap<>();

  private volatile Optional<ServiceView> view = Optional.empty();

  /** Where a feed puts what it made. */
  interface Out {
    /** There is a new fleet, in which possibly nothing changed but the age of its sources. */
    void known(Fleet fleet);

    /**
     * What is to be served has changed.
     *
     * @param urgent whether a server was closed to new clients
     */
    void changed(List<ServedItem> servers, boolean urgent);
  }

  ServiceFeed(String service, AdmissionSettings settings, EnvoyResources resources, Out out) {
    this.service = service;
    this.settings = settings;
    this.admission = new Admission(settings);
    this.resources = resources;
    this.out = out;
    this.names = List.of(name(service, "a", resources), name(service, "b", resources));
  }

  /** What is served of the service now; empty until its first fleet is known. */
  Optional<ServiceView> view() {
    return view;
  }

  @Override
  public void fleetChanged(Fleet fleet) {
    Optional<ServiceView> last = view;
    if (last.isPresent() && last.get().fleet().members().equals(fleet.members())) {
      view = last.map(v -> v.heard(fleet));
    } else {
      List<Decision> before = last.map(ServiceView::decisions).orElse(List.of());
      List<Decision> decisions = admission.decide(fleet, before);
      Changes changes = Changes.between(before, decisions);
      ServedCollection servers = servers(decisions);
      boolean same = last.filter(v -> v.servers().version().equals(servers.version())).isPresent();
      ServiceView next = new ServiceView(fleet, decisions, same ? last.get().servers() : servers);
      view = Optional.of(next);
      if (!same) {
        ServedResource allAtOnce =
            ServedResource.lazily(
                service,
                ClusterLoadAssignment.getDefaultInstance(),
                () -> resources.loadAssignment(service, decisions));
        out.changed(List.of(servers, allAtOnce), last.isPresent() && changes.closeOne());
      }
      logChanges(last, next, changes);
    }
    out.known(fleet);
  }

  /**
   * The servers as they are told one by one; what was made of a decision before is not made again.
   */
  private ServedCollection servers(List<Decision> decisions) {
    IdentityHashMap<Decision, ServedServer> members = new IdentityHashMap<>(decisions.size());
    List<ServedServer> servers = new ArrayList<>(decisions.size());
    for (Decision decision : decisions) {
      if (decision.served()) {
        ServedServer known = made.get(decision);
        ServedServer server =
            known != null
                ? known
                : ServedServer.of(EnvoyResources.memberKey(decision), resources.member(decision));
        members.put(decision, server);
        servers.add(server);
      }
    }
    made = members;
    return ServedCollection.of(MEMBER, service, servers, names);
  }

  private static ServedCollection.Name name(
      String service, String variant, EnvoyResources resources) {
    String prefix = EnvoyResources.collectionPrefix(service, variant);
    return new ServedCollection.Name(
        prefix,
        ServedResource.marked(
            variant + ".", service, resources.loadAssignment(service, prefix + "*")));
  }

  void measure(MeterRegistry meters, Clock clock) {
    for (Standing standing : Standing.values()) {
      Gauge.builder("bolina.servers", this, f -> f.view.map(v -> v.count(standing)).orElse(0L))
          .description("Servers by what new and known clients may do with them")
          .tag("service", service)
          .tag("standing", standing.name().toLowerCase(Locale.ROOT))
          .register(meters);
    }
    Gauge.builder("bolina.fleet.held", this, f -> f.is(v -> v.fleet().protection().inForce()))
        .description("1 while most of the fleet vanished at once and the last good one is kept")
        .tag("service", service)
        .register(meters);
    Gauge.builder(
            "bolina.fleet.best.effort",
            this,
            f -> f.is(v -> Admission.bestEffort(v.decisions(), settings)))
        .description("1 while new clients go to overloaded servers because no other is left")
        .tag("service", service)
        .register(meters);
    for (String source : new String[] {"health", "load"}) {
      Gauge.builder("bolina.registry.up", this, f -> f.is(v -> source(v, source).error().isEmpty()))
          .description("1 while the registry answers")
          .tag("service", service)
          .tag("source", source)
          .register(meters);
      Gauge.builder(
              "bolina.registry.age",
              this,
              f ->
                  f.view
                      .flatMap(v -> source(v, source).age(clock.instant()))
                      .map(Duration::toMillis)
                      .map(ms -> ms / 1000.0)
                      .orElse(Double.NaN))
          .description("How long ago the registry last answered")
          .baseUnit("seconds")
          .tag("service", service)
          .tag("source", source)
          .register(meters);
    }
  }

  private double is(java.util.function.Predicate<ServiceView> property) {
    return view.filter(property).isPresent() ? 1 : 0;
  }

  private static Source source(ServiceView view, String name) {
    return name.equals("health") ? view.fleet().health() : view.fleet().load();
  }

  private void logChanges(Optional<ServiceView> last, ServiceView next, Changes changes) {
    if (last.isEmpty()) {
      log.info(
          "service {}: first fleet: {} open, {} closed",
          service,
          next.count(Standing.OPEN),
          next.count(Standing.CLOSED));
    } else {
      logStandings(changes);
    }
    boolean wasBestEffort =
        last.filter(v -> Admission.bestEffort(v.decisions(), settings)).isPresent();
    boolean bestEffort = Admission.bestEffort(next.decisions(), settings);
    if (bestEffort && !wasBestEffort) {
      log.warn(
          "service {}: EVERY server that could be open is overloaded; new clients go to them all the same",
          service);
    } else if (wasBestEffort && !bestEffort) {
      log.info("service {}: new clients go to servers that are not overloaded again", service);
    }
    boolean wasOpen = last.filter(v -> v.count(Standing.OPEN) > 0).isPresent();
    boolean open = next.count(Standing.OPEN) > 0;
    if (!open && (wasOpen || last.isEmpty())) {
      log.warn(
          "service {}: NO server is open; new clients are turned away, known ones go on", service);
    } else if (open && !wasOpen && last.isPresent()) {
      log.info("service {}: new clients are served again", service);
    }
  }

  private void logStandings(Changes changes) {
    int changed = 0;
    for (Changes.Pair pair : changes.pairs()) {
      Optional<Standing> was = pair.before().map(Decision::standing);
      Optional<Standing> is = pair.after().map(Decision::standing);
      if (was.equals(is)) {
        continue;
      }
      changed++;
      if (changed <= NAMED) {
        Decision decision = pair.after().or(pair::before).orElseThrow();
        log.info(
            "service {}: {} at {} is {}",
            service,
            decision.member().server().id(),
            ServiceView.endpoint(decision),
            is.map(standing -> inWords(standing) + ": " + decision.reason())
                .orElse("no longer kept"));
      }
    }
    if (changed > NAMED) {
      log.info("service {}: and {} more changed", service, changed - NAMED);
    }
  }

  private static String inWords(Standing standing) {
    return switch (standing) {
      case OPEN -> "open";
      case CLOSED -> "closed to new clients";
      case GIVEN_UP -> "given up";
    };
  }
}
