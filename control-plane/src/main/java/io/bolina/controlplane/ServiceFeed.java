package io.bolina.controlplane;

import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.admission.Decision.Standing;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.registry.Endpoint;
import io.bolina.registry.Fleet;
import io.bolina.registry.Registry;
import io.bolina.registry.Source;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Turns the fleets of one service into its load assignment, and says in the log what changed. */
final class ServiceFeed implements Registry.Listener {
  /** Of a change of more servers than this, the log has the number only. */
  private static final int NAMED = 20;

  private static final Logger log = LoggerFactory.getLogger(ServiceFeed.class);

  private final String service;
  private final AdmissionSettings settings;
  private final Admission admission;
  private final EnvoyResources resources;
  private final Out out;
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
    void changed(ServedResource loadAssignment, boolean urgent);
  }

  ServiceFeed(String service, AdmissionSettings settings, EnvoyResources resources, Out out) {
    this.service = service;
    this.settings = settings;
    this.admission = new Admission(settings);
    this.resources = resources;
    this.out = out;
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
      var decisions = admission.decide(fleet);
      var assignment = ServedResource.of(service, resources.loadAssignment(service, decisions));
      ServiceView next = new ServiceView(fleet, decisions, assignment);
      boolean same =
          last.isPresent() && last.get().loadAssignment().version().equals(assignment.version());
      view =
          Optional.of(same ? new ServiceView(fleet, decisions, last.get().loadAssignment()) : next);
      if (!same) {
        out.changed(assignment, last.filter(next::closesOneOf).isPresent());
      }
      logChanges(last, next);
    }
    out.known(fleet);
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
      Gauge.builder(
              "bolina.registry.up", this, f -> f.is(v -> source(v, source).problem().isEmpty()))
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

  private void logChanges(Optional<ServiceView> last, ServiceView next) {
    if (last.isEmpty()) {
      log.info(
          "service {}: first fleet: {} open, {} closed",
          service,
          next.count(Standing.OPEN),
          next.count(Standing.CLOSED));
    } else {
      logStandings(last.get(), next);
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

  private void logStandings(ServiceView last, ServiceView next) {
    Map<Endpoint, Decision> before = new HashMap<>();
    last.decisions().forEach(d -> before.put(ServiceView.endpoint(d), d));
    int changed = 0;
    for (Decision decision : next.decisions()) {
      Decision was = before.remove(ServiceView.endpoint(decision));
      if (was == null || was.standing() != decision.standing()) {
        changed++;
        if (changed <= NAMED) {
          log.info(
              "service {}: {} at {} is {}: {}",
              service,
              decision.member().server().id(),
              ServiceView.endpoint(decision),
              inWords(decision.standing()),
              decision.reason());
        }
      }
    }
    for (Decision gone : before.values()) {
      changed++;
      if (changed <= NAMED) {
        log.info(
            "service {}: {} at {} is no longer kept",
            service,
            gone.member().server().id(),
            ServiceView.endpoint(gone));
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
