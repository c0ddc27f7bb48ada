package io.bolina.controlplane;

import com.google.protobuf.Message;
import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.admission.AdmissionStatus;
import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.admission.DecisionChanges;
import io.bolina.controlplane.admission.DuplicateTokens;
import io.bolina.controlplane.admission.SessionSkew;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.resources.TokenEndpoints;
import io.bolina.controlplane.served.Edition;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedItem;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.served.ServedServer;
import io.bolina.registry.Registry;
import io.bolina.registry.fleet.FleetKeeper;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Source;
import io.bolina.runtime.Telemetry;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/** Turns the fleets of one service into its load assignment, and logs what changed. */
final class ServiceFeed implements Registry.FleetListener {
  /** Of further servers that change at once, the log has the number only. */
  private static final int NAMED = 20;

  /** The Envoys that choose servers themselves. */
  static final Set<Edition> ENVOY_CHOOSES = Set.of(Edition.PLAIN, Edition.GATED);

  private static final String MEMBER = ServedItem.typeUrl(LbEndpoint.getDescriptor());

  private static final Logger log = LoggerFactory.getLogger(ServiceFeed.class);

  private final String service;
  private final AdmissionSettings settings;
  private final Admission admission;
  private final Supplier<List<Integer>> tokenLengths;
  private final Out out;
  private final Shown toEnvoy;
  private final Shown toModule;

  private volatile Map<String, List<String>> duplicateTokens = Map.of();
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

  /**
   * @param tokenLengths how many bytes of tokens are read
   */
  ServiceFeed(
      String service,
      AdmissionSettings settings,
      EnvoyResources resources,
      Supplier<List<Integer>> tokenLengths,
      Out out) {
    this.service = service;
    this.settings = settings;
    this.admission = new Admission(settings);
    this.tokenLengths = tokenLengths;
    this.out = out;
    this.toEnvoy =
        new Shown(
            ENVOY_CHOOSES,
            service,
            resources,
            resources::member,
            Optional.empty(),
            decisions -> resources.loadAssignment(service, decisions));
    this.toModule =
        new Shown(
            Set.of(Edition.TOKENS),
            EnvoyResources.tokenName(service),
            resources,
            resources::tokenMember,
            Optional.of(resources::tokens),
            decisions -> resources.tokenLoadAssignment(service, decisions));
  }

  /** What is served of the service now; empty until its first fleet is known. */
  Optional<ServiceView> view() {
    return view;
  }

  @Override
  public void fleetChanged(Fleet fleet) {
    Optional<ServiceView> last = view;
    if (last.isPresent() && last.get().fleet().members().equals(fleet.members())) {
      view = last.map(v -> v.with(fleet));
    } else {
      List<Decision> before = last.map(ServiceView::decisions).orElse(List.of());
      List<Decision> decisions = admission.decide(fleet, before);
      DecisionChanges changes = DecisionChanges.between(before, decisions);
      // Each by itself: another token changes what a module is shown, and not what Envoy is.
      List<ServedItem> changed = new ArrayList<>(toEnvoy.become(decisions));
      changed.addAll(toModule.become(decisions));
      ServiceView next = new ServiceView(fleet, decisions, toEnvoy.servers, toModule.servers);
      view = Optional.of(next);
      if (!changed.isEmpty()) {
        out.changed(changed, last.isPresent() && changes.closesOne());
      }
      logChanges(last, next, changes);
      if (last.isEmpty() || changes.all().stream().anyMatch(ServiceFeed::concernsServer)) {
        findDuplicateTokens(decisions);
      }
    }
    out.known(fleet);
  }

  /** How the servers are shown to one kind of Envoys. */
  private static final class Shown {
    private final Set<Edition> editions;
    private final String cluster;
    private final Function<Decision, LbEndpoint> member;
    private final Optional<Function<TokenEndpoints.Group, LbEndpoint>> tokens;
    private final Function<List<Decision>, Message> fullList;
    private final List<ServedCollection.Name> names;

    /** What is shown; null before there is anything. */
    private ServedCollection servers;

    /** What was made of the last decisions. */
    private IdentityHashMap<Decision, Made> made = new IdentityHashMap<>();

    /** What was made of the tokens, by the fingerprint of each group. */
    private Map<Long, ServedServer> madeOfTokens = Map.of();

    private record Made(ServedServer server, Optional<TokenEndpoints.Entry> token) {}

    private Shown(
        Set<Edition> editions,
        String cluster,
        EnvoyResources resources,
        Function<Decision, LbEndpoint> member,
        Optional<Function<TokenEndpoints.Group, LbEndpoint>> tokens,
        Function<List<Decision>, Message> fullList) {
      this.editions = editions;
      this.cluster = cluster;
      this.member = member;
      this.tokens = tokens;
      this.fullList = fullList;
      this.names = List.of(name(cluster, "a", resources), name(cluster, "b", resources));
    }

    /** Shows other decisions, and returns what has changed by that. */
    private List<ServedItem> become(List<Decision> decisions) {
      ServedCollection next = collection(decisions);
      if (servers != null && servers.version().equals(next.version())) {
        return List.of();
      }
      servers = next;
      return List.of(
          next,
          ServedResource.lazily(
              editions,
              cluster,
              ClusterLoadAssignment.getDefaultInstance(),
              () -> fullList.apply(decisions)));
    }

    /**
     * The servers as single resources (LEDS); what was made of a decision before is not made again.
     */
    private ServedCollection collection(List<Decision> decisions) {
      IdentityHashMap<Decision, Made> members = new IdentityHashMap<>(decisions.size());
      List<ServedServer> all = new ArrayList<>(decisions.size());
      for (Decision decision : decisions) {
        if (decision.served()) {
          Made known = made.get(decision);
          Made now = known != null ? known : make(decision);
          members.put(decision, now);
          all.add(now.server());
        }
      }
      made = members;
      tokens.ifPresent(endpoint -> all.addAll(tokenEndpoints(endpoint)));
      return ServedCollection.of(editions, MEMBER, cluster, all, names);
    }

    private Made make(Decision decision) {
      return new Made(
          ServedServer.of(EnvoyResources.memberKey(decision), member.apply(decision)),
          tokens.map(t -> TokenEndpoints.Entry.of(decision)));
    }

    private Collection<ServedServer> tokenEndpoints(
        Function<TokenEndpoints.Group, LbEndpoint> endpoint) {
      Map<Long, ServedServer> now = new HashMap<>();
      List<TokenEndpoints.Entry> entries =
          made.values().stream().map(Made::token).flatMap(Optional::stream).toList();
      for (TokenEndpoints.Group group : TokenEndpoints.of(entries)) {
        ServedServer known = madeOfTokens.get(group.fingerprint());
        now.put(
            group.fingerprint(),
            known != null ? known : ServedServer.of(group.address(), endpoint.apply(group)));
      }
      madeOfTokens = now;
      return now.values();
    }

    private static ServedCollection.Name name(
        String cluster, String variant, EnvoyResources resources) {
      String prefix = EnvoyResources.collectionPrefix(cluster, variant);
      return new ServedCollection.Name(
          prefix,
          ServedResource.marked(
              variant + ".", cluster, resources.loadAssignment(cluster, prefix + "*")));
    }
  }

  /** The rules have changed. */
  void findDuplicateTokens() {
    view.ifPresent(v -> findDuplicateTokens(v.decisions()));
  }

  private synchronized void findDuplicateTokens(List<Decision> decisions) {
    Map<String, List<String>> before = duplicateTokens;
    Map<String, List<String>> now = DuplicateTokens.of(decisions, tokenLengths.get());
    duplicateTokens = now;
    now.entrySet().stream()
        .filter(duplicate -> !duplicate.getValue().equals(before.get(duplicate.getKey())))
        .limit(NAMED)
        .forEach(
            duplicate ->
                about(log.atWarn())
                    .addKeyValue("token", duplicate.getKey())
                    .addKeyValue("servers", duplicate.getValue().stream().limit(NAMED).toList())
                    .log("servers with the same token; none of them is reached by it"));
  }

  /** Whether it came, went, or is registered otherwise. */
  private static boolean concernsServer(DecisionChanges.DecisionChange change) {
    return !change
        .before()
        .map(d -> d.member().server())
        .equals(change.after().map(d -> d.member().server()));
  }

  void measure(Telemetry telemetry) {
    MeterRegistry meters = telemetry.meters();
    Clock clock = telemetry.clock();
    for (AdmissionStatus status : AdmissionStatus.values()) {
      Gauge.builder("bolina.servers", this, f -> f.view.map(v -> v.count(status)).orElse(0L))
          .description("Servers by what new and known clients may do with them")
          .tag("service", service)
          .tag("status", inWords(status))
          .register(meters);
    }
    Gauge.builder("bolina.fleet.held", this, f -> f.is(v -> v.fleet().protection().inForce()))
        .description("1 while most of the fleet vanished at once and the last good one is kept")
        .tag("service", service)
        .register(meters);
    Gauge.builder("bolina.fleet.gone.held", this, f -> f.is(v -> v.fleet().goneHeld()))
        .description("1 while too many servers are reported gone at once for that to be followed")
        .tag("service", service)
        .register(meters);
    Gauge.builder(
            "bolina.fleet.contested.endpoints", this, f -> f.count(m -> !m.othersHere().isEmpty()))
        .description("Addresses at which several servers are registered; the latest decides")
        .tag("service", service)
        .register(meters);
    Gauge.builder(
            "bolina.fleet.duplicate.ids",
            this,
            f -> f.view.map(v -> (double) FleetKeeper.duplicateIds(v.fleet()).size()).orElse(0.0))
        .description("Server ids registered on several nodes; their load and orders are ignored")
        .tag("service", service)
        .register(meters);
    Gauge.builder(
            "bolina.fleet.duplicate.tokens",
            this,
            f -> f.duplicateTokens.values().stream().mapToInt(List::size).sum())
        .description("Servers with a token that another has too; none of them is reached by it")
        .tag("service", service)
        .register(meters);
    Gauge.builder(
            "bolina.fleet.best.effort",
            this,
            f -> f.is(v -> Admission.bestEffort(v.decisions(), settings)))
        .description("1 while new clients go to overloaded servers because no other is left")
        .tag("service", service)
        .register(meters);
    Gauge.builder(
            "bolina.fleet.session.skew",
            this,
            f -> f.view.map(v -> SessionSkew.of(v.decisions())).orElse(Double.NaN))
        .description("Sessions of the fullest open server over their mean; 1 is even")
        .tag("service", service)
        .register(meters);
    for (String source : new String[] {"health", "load", "drain-orders", "gone-reports"}) {
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

  private double count(Predicate<Member> property) {
    return view.map(v -> v.fleet().members().stream().filter(property).count()).orElse(0L);
  }

  private double is(Predicate<ServiceView> property) {
    return view.filter(property).isPresent() ? 1 : 0;
  }

  private static Source source(ServiceView view, String name) {
    return switch (name) {
      case "health" -> view.fleet().health();
      case "load" -> view.fleet().load();
      case "gone-reports" -> view.fleet().gone();
      default -> view.fleet().orders();
    };
  }

  private void logChanges(Optional<ServiceView> last, ServiceView next, DecisionChanges changes) {
    if (last.isEmpty()) {
      logFirst(next);
    } else {
      logStatusChanges(changes);
    }
    boolean wasBestEffort =
        last.filter(v -> Admission.bestEffort(v.decisions(), settings)).isPresent();
    boolean bestEffort = Admission.bestEffort(next.decisions(), settings);
    if (bestEffort && !wasBestEffort) {
      about(log.atWarn()).log("all servers overloaded; new clients admitted anyway");
    } else if (wasBestEffort && !bestEffort) {
      about(log.atInfo()).log("not all servers overloaded any more");
    }
    boolean wasOpen = last.filter(v -> v.count(AdmissionStatus.OPEN) > 0).isPresent();
    boolean open = next.count(AdmissionStatus.OPEN) > 0;
    boolean first = last.isEmpty() && !next.decisions().isEmpty();
    if (!open && (wasOpen || first)) {
      about(log.atWarn()).log("no open server; new clients rejected");
    } else if (open && !wasOpen && last.isPresent()) {
      about(log.atInfo()).log("new clients admitted again");
    }
  }

  private void logFirst(ServiceView next) {
    if (next.decisions().isEmpty()) {
      about(log.atWarn()).log("service has no instances in registry; check its name");
      return;
    }
    about(log.atInfo())
        .addKeyValue("open", next.count(AdmissionStatus.OPEN))
        .addKeyValue("closed", next.count(AdmissionStatus.CLOSED))
        .log("first fleet known");
  }

  private void logStatusChanges(DecisionChanges changes) {
    int changed = 0;
    for (DecisionChanges.DecisionChange change : changes.all()) {
      Optional<AdmissionStatus> was = change.before().map(Decision::status);
      Optional<AdmissionStatus> is = change.after().map(Decision::status);
      if (was.equals(is)) {
        continue;
      }
      changed++;
      if (changed <= NAMED) {
        Decision decision = change.after().or(change::before).orElseThrow();
        about(log.atInfo())
            .addKeyValue("server", decision.member().server().id())
            .addKeyValue("address", decision.member().server().endpoint())
            .addKeyValue("status", is.map(ServiceFeed::inWords).orElse("forgotten"))
            .addKeyValue("reason", is.isPresent() ? decision.reason() : "not in the registry")
            .log("server status changed");
      }
    }
    if (changed > NAMED) {
      about(log.atInfo())
          .addKeyValue("count", changed - NAMED)
          .log("status of further servers changed");
    }
  }

  private LoggingEventBuilder about(LoggingEventBuilder event) {
    return event.addKeyValue("service", service);
  }

  private static String inWords(AdmissionStatus status) {
    return status.name().toLowerCase(Locale.ROOT);
  }
}
