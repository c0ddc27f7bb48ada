package io.bolina.watcher.reckoning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Protection;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.Source;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** A situation in a few words, and the Watcher's reckoning of it. */
final class Scene {
  static final Instant T0 = Instant.parse("2026-11-24T10:00:00Z");

  private final Map<String, Stand> stands = new LinkedHashMap<>();
  private final List<String> autoscalers = new ArrayList<>();
  private final List<Target.Budget> budgets = new ArrayList<>();
  private WatchSettings settings = WatchSettings.between(1, 20);
  private Instant now = T0.plus(Duration.ofHours(1));
  private History history = History.beginning(T0);
  private Removal removal = Removal.LOWEST_COST;
  private Optional<String> rollout = Optional.empty();
  private Source health = Source.NEVER_UPDATED.updatedAt(now);
  private Protection protection = Protection.NONE;
  private Duration loadsAreOld = Duration.ZERO;
  private int replicas = -1;

  /** A pod and its server, as they stand; either may be missing. */
  private static final class Stand {
    private final String name;
    private final int port;
    private boolean hasPod = true;
    private boolean hasServer = true;
    private String uid;
    private Instant created = T0;
    private Pod.Phase phase = Pod.Phase.RUNNING;
    private boolean ready = true;
    private OptionalInt cost = OptionalInt.empty();
    private Health health = Health.PASSING;
    private boolean maintenance;
    private Optional<DrainOrder> order = Optional.empty();
    private Presence presence = Presence.LISTED;
    private Optional<Instant> since = Optional.empty();
    private Optional<LoadReport> load = Optional.empty();

    private Stand(String name, int port) {
      this.name = name;
      this.port = port;
      this.uid = "uid-" + name;
    }

    private Pod pod() {
      return new Pod(name, uid, "", created, phase, ready, false, cost, Optional.empty());
    }

    private Member server() {
      return new Member(
          new Server(name, "bolina", "10.0.0.1", port, "", Map.of()),
          health,
          maintenance,
          order,
          presence,
          since,
          load,
          "");
    }
  }

  private Stand stand(String name) {
    return stands.computeIfAbsent(name, n -> new Stand(n, 1000 + stands.size()));
  }

  Scene with(WatchSettings newSettings) {
    settings = newSettings;
    return this;
  }

  /** A pod with an open server. */
  Scene pod(String name, double load, long sessions) {
    stand(name);
    return load(name, load, sessions);
  }

  /** Several, named p-1 and so on. */
  Scene pods(int count, double load, long sessions) {
    for (int i = 1; i <= count; i++) {
      pod("p-" + i, load, sessions);
    }
    return this;
  }

  /** A pod whose server is not registered, made some time ago. */
  Scene starting(String name, Duration age) {
    Stand stand = stand(name);
    stand.hasServer = false;
    stand.created = now.minus(age);
    stand.phase = Pod.Phase.PENDING;
    stand.ready = false;
    return this;
  }

  Scene critical(String... names) {
    for (String name : names) {
      stand(name).health = Health.CRITICAL;
    }
    return this;
  }

  Scene passing(String name) {
    stand(name).health = Health.PASSING;
    return this;
  }

  Scene maintenance(String name) {
    stand(name).maintenance = true;
    return this;
  }

  Scene load(String name, double load, long sessions) {
    stand(name).load = Optional.of(LoadReport.of(load, sessions));
    return this;
  }

  Scene loadUnknown(String name) {
    stand(name).load = Optional.empty();
    return this;
  }

  Scene vanished(String name) {
    stand(name).presence = Presence.VANISHED;
    stand(name).since = Optional.of(now);
    return this;
  }

  /** A server on a plain machine. */
  Scene machine(String name, double load) {
    pod(name, load, 1);
    stand(name).hasPod = false;
    return this;
  }

  Scene unready(String name) {
    stand(name).ready = false;
    return this;
  }

  /** The pod is gone, and another has its name. */
  Scene reincarnated(String name) {
    Stand stand = stand(name);
    stand.uid += "-again";
    stand.created = now;
    stand.cost = OptionalInt.empty();
    return this;
  }

  Scene autoscaler(String name) {
    autoscalers.add(name);
    return this;
  }

  Scene budget(String name, int allowed) {
    budgets.clear();
    budgets.add(new Target.Budget(name, allowed));
    return this;
  }

  Scene removal(Removal newRemoval) {
    removal = newRemoval;
    return this;
  }

  Scene rollout(String what) {
    rollout = Optional.of(what);
    return this;
  }

  Scene registry(Source source, Protection newProtection) {
    health = source;
    protection = newProtection;
    return this;
  }

  Scene replicas(int count) {
    replicas = count;
    return this;
  }

  Scene justBegun() {
    history = History.beginning(now);
    return this;
  }

  Scene later(Duration time) {
    now = now.plus(time);
    health = Source.NEVER_UPDATED.updatedAt(now);
    return this;
  }

  /** How long ago the registry last confirmed the load reports. */
  Scene loadsAsOf(Duration ago) {
    loadsAreOld = ago;
    return this;
  }

  private List<Pod> podsNow() {
    return stands.values().stream().filter(s -> s.hasPod).map(Stand::pod).toList();
  }

  /** Reckons, and remembers. */
  Plan reckon() {
    Source heard = Source.NEVER_UPDATED.updatedAt(now);
    Map<String, DrainOrder> inAdvance = new LinkedHashMap<>();
    stands.values().stream()
        .filter(s -> !s.hasServer)
        .forEach(s -> s.order.ifPresent(o -> inAdvance.put(s.name, o)));
    Fleet fleet =
        new Fleet(
            "bolina",
            stands.values().stream().filter(s -> s.hasServer).map(Stand::server).toList(),
            protection,
            health,
            Source.NEVER_UPDATED.updatedAt(now.minus(loadsAreOld)),
            heard,
            inAdvance);
    int told = replicas >= 0 ? replicas : podsNow().size();
    Target target = new Target("deployment/bolina", told, removal, rollout, autoscalers, budgets);
    Plan plan =
        new Reckoner(settings).reckon(new Situation(now, fleet, target, podsNow()), history);
    history = plan.next();
    return plan;
  }

  /** Reckons, and does what the plan says, up to but for the scaling. */
  Plan act() {
    Plan acted = reckon();
    for (Step step : acted.steps()) {
      if (step instanceof Step.Drain drain) {
        stand(drain.serverId()).order = Optional.of(drain.order());
      } else if (step instanceof Step.CallOff callOff) {
        stand(callOff.serverId()).order = Optional.empty();
      } else if (step instanceof Step.SetDeletionCost cost) {
        stand(cost.pod()).cost = cost.cost();
      }
    }
    return acted;
  }

  static List<String> drained(Plan plan) {
    return plan.steps().stream()
        .filter(Step.Drain.class::isInstance)
        .map(s -> ((Step.Drain) s).pod())
        .toList();
  }

  static List<String> calledOff(Plan plan) {
    return plan.steps().stream()
        .filter(Step.CallOff.class::isInstance)
        .map(s -> ((Step.CallOff) s).pod())
        .toList();
  }

  static List<String> evicted(Plan plan) {
    return plan.steps().stream()
        .filter(Step.Evict.class::isInstance)
        .map(s -> ((Step.Evict) s).pod())
        .toList();
  }

  /** How many pods the plan tells the target to have; -1 if it does not. */
  static int scaledTo(Plan plan) {
    return plan.steps().stream()
        .filter(Step.Scale.class::isInstance)
        .map(s -> ((Step.Scale) s).to())
        .findFirst()
        .orElse(-1);
  }

  static List<String> alarms(Plan plan) {
    return plan.alarms().stream().map(Plan.Alarm::kind).toList();
  }
}
