package io.bolina.watcher.planning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
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

/** An observed state in a few words, and the plan for it. */
final class PlannerScenario {
  static final Instant T0 = Instant.parse("2026-11-24T10:00:00Z");

  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Map<String, Other> others = new LinkedHashMap<>();
  private final List<String> autoscalers = new ArrayList<>();
  private final List<ScaleTarget.DisruptionBudget> budgets = new ArrayList<>();
  private WatchSettings settings = WatchSettings.between(1, 20);
  private Instant now = T0.plus(Duration.ofHours(1));
  private History history = History.beginning(T0);
  private RemovalOrder removalOrder = RemovalOrder.LOWEST_COST;
  private Optional<String> rollout = Optional.empty();
  private Optional<String> creationFailure = Optional.empty();
  private Source health = Source.NEVER_UPDATED.updatedAt(now);
  private Protection protection = Protection.NONE;
  private Duration loadsAreOld = Duration.ZERO;
  private int replicas = -1;

  /** A pod and its server; either may be missing. */
  private static final class Entry {
    private final String name;
    private final int port;
    private boolean hasPod = true;
    private boolean hasServer = true;
    private String uid;
    private Instant created = T0;
    private ObservedPod.Phase phase = ObservedPod.Phase.RUNNING;
    private boolean ready = true;
    private OptionalInt cost = OptionalInt.empty();
    private final Map<String, String> annotations = new LinkedHashMap<>();
    private Health health = Health.PASSING;
    private boolean maintenance;
    private boolean ended;
    private Optional<DrainOrder> order = Optional.empty();
    private Presence presence = Presence.LISTED;
    private Optional<Instant> since = Optional.empty();
    private Optional<LoadReport> load = Optional.empty();

    private Entry(String name, int port) {
      this.name = name;
      this.port = port;
      this.uid = "uid-" + name;
    }

    private ObservedPod pod() {
      return new ObservedPod(
          name, uid, "", created, phase, ready, false, cost, annotations, Optional.empty());
    }

    private Member server() {
      Server server = new Server(name, "bolina", "10.0.0.1", port, "", Map.of());
      Member member = new Member(server, health, maintenance, order, presence, since, load, "");
      return ended
          ? member.withGone(Optional.of(GoneReport.of(server, "agent", T0, "exited")), false)
          : member;
    }
  }

  private Entry entry(String name) {
    return entries.computeIfAbsent(name, n -> new Entry(n, 1000 + entries.size()));
  }

  PlannerScenario with(WatchSettings newSettings) {
    settings = newSettings;
    return this;
  }

  /** A pod with an open server. */
  PlannerScenario pod(String name, double load, long sessions) {
    entry(name);
    return load(name, load, sessions);
  }

  /** Several, named p-1 and so on. */
  PlannerScenario pods(int count, double load, long sessions) {
    for (int i = 1; i <= count; i++) {
      pod("p-" + i, load, sessions);
    }
    return this;
  }

  /** A pod whose server is not registered, made some time ago. */
  PlannerScenario starting(String name, Duration age) {
    Entry entry = entry(name);
    entry.hasServer = false;
    entry.created = now.minus(age);
    entry.phase = ObservedPod.Phase.PENDING;
    entry.ready = false;
    return this;
  }

  /** A pod made some time ago, whose server is registered and was never open. */
  PlannerScenario registering(String name, Duration age) {
    starting(name, age);
    Entry entry = entry(name);
    entry.hasServer = true;
    entry.phase = ObservedPod.Phase.RUNNING;
    entry.health = Health.CRITICAL;
    return this;
  }

  /** Its server is known to have ended. */
  PlannerScenario ended(String name) {
    entry(name).health = Health.CRITICAL;
    entry(name).ended = true;
    return this;
  }

  /** Its pod was removed, and its server's entry is there yet. */
  PlannerScenario removed(String name) {
    entry(name).hasPod = false;
    entry(name).health = Health.CRITICAL;
    return this;
  }

  /** Another server of a pod, of an id of its own. */
  PlannerScenario secondServer(String pod, String id, Health health, boolean ended) {
    others.put(id, new Other(pod, health, ended));
    return this;
  }

  private record Other(String pod, Health health, boolean ended) {
    private Member server(String id, int port, Instant now) {
      Server server = new Server(id, "bolina", "10.0.0.1", port, "", Map.of("pod", pod));
      Member listed = Member.listed(server, health, false, Optional.empty(), "");
      return ended
          ? listed.withGone(Optional.of(GoneReport.of(server, "agent", now, "exited")), false)
          : listed;
    }
  }

  PlannerScenario notCreated(int wanted, String why) {
    creationFailure = Optional.of(why);
    return replicas(wanted);
  }

  PlannerScenario critical(String... names) {
    for (String name : names) {
      entry(name).health = Health.CRITICAL;
    }
    return this;
  }

  PlannerScenario passing(String name) {
    entry(name).health = Health.PASSING;
    return this;
  }

  PlannerScenario maintenance(String name) {
    entry(name).maintenance = true;
    return this;
  }

  PlannerScenario load(String name, double load, long sessions) {
    entry(name).load = Optional.of(LoadReport.of(load, sessions));
    return this;
  }

  PlannerScenario loadUnknown(String name) {
    entry(name).load = Optional.empty();
    return this;
  }

  PlannerScenario vanished(String name) {
    entry(name).presence = Presence.VANISHED;
    entry(name).since = Optional.of(now);
    return this;
  }

  /** A server on a plain machine. */
  PlannerScenario machine(String name, double load) {
    pod(name, load, 1);
    entry(name).hasPod = false;
    return this;
  }

  PlannerScenario unready(String name) {
    entry(name).ready = false;
    return this;
  }

  /** The pod is gone, and another has its name. */
  PlannerScenario reincarnated(String name) {
    Entry entry = entry(name);
    entry.uid += "-again";
    entry.created = now;
    entry.cost = OptionalInt.empty();
    entry.annotations.clear();
    return this;
  }

  PlannerScenario annotated(String name, String key, String value) {
    entry(name).annotations.put(key, value);
    return this;
  }

  /** The annotations of a pod. */
  Map<String, String> annotations(String name) {
    return Map.copyOf(entry(name).annotations);
  }

  PlannerScenario autoscaler(String name) {
    autoscalers.add(name);
    return this;
  }

  PlannerScenario budget(String name, int allowed) {
    budgets.clear();
    budgets.add(new ScaleTarget.DisruptionBudget(name, allowed));
    return this;
  }

  PlannerScenario removal(RemovalOrder newRemoval) {
    removalOrder = newRemoval;
    return this;
  }

  PlannerScenario rollout(String what) {
    rollout = Optional.of(what);
    return this;
  }

  PlannerScenario registry(Source source, Protection newProtection) {
    health = source;
    protection = newProtection;
    return this;
  }

  PlannerScenario replicas(int count) {
    replicas = count;
    return this;
  }

  PlannerScenario justBegun() {
    history = History.beginning(now);
    return this;
  }

  PlannerScenario later(Duration time) {
    now = now.plus(time);
    health = Source.NEVER_UPDATED.updatedAt(now);
    return this;
  }

  /** How long ago the registry last confirmed the load reports. */
  PlannerScenario loadsAsOf(Duration ago) {
    loadsAreOld = ago;
    return this;
  }

  private List<ObservedPod> podsNow() {
    return entries.values().stream().filter(s -> s.hasPod).map(Entry::pod).toList();
  }

  /** Plans, and remembers. */
  Plan plan() {
    Source heard = Source.NEVER_UPDATED.updatedAt(now);
    Map<String, DrainOrder> inAdvance = new LinkedHashMap<>();
    entries.values().stream()
        .filter(s -> !s.hasServer)
        .forEach(s -> s.order.ifPresent(o -> inAdvance.put(s.name, o)));
    List<Member> members = new ArrayList<>();
    entries.values().stream().filter(s -> s.hasServer).map(Entry::server).forEach(members::add);
    others.forEach((id, other) -> members.add(other.server(id, 2000 + members.size(), now)));
    Fleet fleet =
        new Fleet(
            "bolina",
            members,
            protection,
            health,
            Source.NEVER_UPDATED.updatedAt(now.minus(loadsAreOld)),
            heard,
            inAdvance);
    int configured = replicas >= 0 ? replicas : podsNow().size();
    ScaleTarget target =
        new ScaleTarget(
            "deployment/bolina",
            configured,
            removalOrder,
            rollout,
            creationFailure,
            autoscalers,
            budgets);
    Plan plan =
        new Planner(settings).plan(new ObservedState(now, fleet, target, podsNow()), history);
    history = plan.next();
    return plan;
  }

  /** Plans, and does what the plan says, except for setting the replicas. */
  Plan act() {
    Plan acted = plan();
    for (PlanStep step : acted.steps()) {
      if (step instanceof PlanStep.DrainServer drain) {
        entry(drain.serverId()).order = Optional.of(drain.order());
      } else if (step instanceof PlanStep.CancelDrain cancel) {
        entry(cancel.serverId()).order = Optional.empty();
      } else if (step instanceof PlanStep.MarkPod cost) {
        entry(cost.pod()).cost = cost.cost();
        Map<String, String> annotations = entry(cost.pod()).annotations;
        cost.annotations()
            .forEach(
                (key, value) ->
                    value.ifPresentOrElse(
                        v -> annotations.put(key, v), () -> annotations.remove(key)));
      }
    }
    return acted;
  }

  static List<String> drained(Plan plan) {
    return plan.steps().stream()
        .filter(PlanStep.DrainServer.class::isInstance)
        .map(s -> ((PlanStep.DrainServer) s).pod())
        .toList();
  }

  static List<String> canceled(Plan plan) {
    return plan.steps().stream()
        .filter(PlanStep.CancelDrain.class::isInstance)
        .map(s -> ((PlanStep.CancelDrain) s).pod())
        .toList();
  }

  static List<String> evicted(Plan plan) {
    return plan.steps().stream()
        .filter(PlanStep.EvictPod.class::isInstance)
        .map(s -> ((PlanStep.EvictPod) s).pod())
        .toList();
  }

  /** The replicas that the plan sets; -1 if it sets none. */
  static int scaledTo(Plan plan) {
    return plan.steps().stream()
        .filter(PlanStep.SetReplicas.class::isInstance)
        .map(s -> ((PlanStep.SetReplicas) s).to())
        .findFirst()
        .orElse(-1);
  }

  static List<String> alarms(Plan plan) {
    return plan.alarms().stream().map(Plan.Alarm::kind).toList();
  }
}
