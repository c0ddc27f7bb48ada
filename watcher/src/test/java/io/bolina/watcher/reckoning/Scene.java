package io.bolina.watcher.reckoning;

import io.bolina.registry.DrainOrder;
import io.bolina.registry.Fleet;
import io.bolina.registry.Health;
import io.bolina.registry.LoadReport;
import io.bolina.registry.Member;
import io.bolina.registry.Presence;
import io.bolina.registry.Protection;
import io.bolina.registry.Server;
import io.bolina.registry.Source;
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

  private final Map<String, Pod> pods = new LinkedHashMap<>();
  private final Map<String, Member> members = new LinkedHashMap<>();
  private final List<String> autoscalers = new ArrayList<>();
  private final List<Target.Budget> budgets = new ArrayList<>();
  private WatchSettings settings = WatchSettings.between(1, 20);
  private Instant now = T0.plus(Duration.ofHours(1));
  private History history = History.beginning(T0);
  private Removal removal = Removal.LOWEST_COST;
  private Optional<String> rollout = Optional.empty();
  private Source health = Source.NEVER_HEARD.heardAt(now);
  private Protection protection = Protection.NONE;
  private final Map<String, DrainOrder> inAdvance = new LinkedHashMap<>();
  private Duration loadsAreOld = Duration.ZERO;
  private int replicas = -1;
  private Plan plan;

  Scene with(WatchSettings newSettings) {
    settings = newSettings;
    return this;
  }

  /** A pod with an open server. */
  Scene pod(String name, double load, long sessions) {
    pods.put(name, runningPod(name));
    members.put(
        name,
        new Member(
            new Server(name, "bolina", "10.0.0.1", 1000 + members.size(), "", Map.of()),
            Health.PASSING,
            false,
            Optional.empty(),
            Presence.LISTED,
            Optional.empty(),
            Optional.of(LoadReport.of(load, sessions)),
            ""));
    return this;
  }

  /** Several, named p-1 and so on. */
  Scene pods(int count, double load, long sessions) {
    for (int i = 1; i <= count; i++) {
      pod("p-" + i, load, sessions);
    }
    return this;
  }

  private static Pod runningPod(String name) {
    return new Pod(
        name,
        "uid-" + name,
        "",
        T0,
        Pod.Phase.RUNNING,
        true,
        false,
        OptionalInt.empty(),
        Optional.empty());
  }

  /** A pod whose server is not registered, made some time ago. */
  Scene starting(String name, Duration age) {
    pods.put(
        name,
        new Pod(
            name,
            "uid-" + name,
            "",
            now.minus(age),
            Pod.Phase.PENDING,
            false,
            false,
            OptionalInt.empty(),
            Optional.empty()));
    return this;
  }

  Scene critical(String... names) {
    for (String name : names) {
      change(name, Health.CRITICAL, members.get(name).order(), members.get(name).maintenance());
    }
    return this;
  }

  Scene passing(String name) {
    return change(name, Health.PASSING, members.get(name).order(), false);
  }

  Scene maintenance(String name) {
    return change(name, members.get(name).health(), Optional.empty(), true);
  }

  private Scene change(
      String name, Health newHealth, Optional<DrainOrder> order, boolean maintenance) {
    Member m = members.get(name);
    members.put(
        name,
        new Member(
            m.server(), newHealth, maintenance, order, m.presence(), m.since(), m.load(), ""));
    return this;
  }

  Scene load(String name, double load, long sessions) {
    Member m = members.get(name);
    return load(name, Optional.of(LoadReport.of(load, sessions)), m);
  }

  Scene loadUnknown(String name) {
    return load(name, Optional.empty(), members.get(name));
  }

  private Scene load(String name, Optional<LoadReport> load, Member m) {
    members.put(
        name,
        new Member(
            m.server(), m.health(), m.maintenance(), m.order(), m.presence(), m.since(), load, ""));
    return this;
  }

  Scene presence(String name, Presence presence) {
    Member m = members.get(name);
    members.put(
        name,
        new Member(
            m.server(),
            m.health(),
            m.maintenance(),
            m.order(),
            presence,
            presence == Presence.LISTED ? Optional.empty() : Optional.of(now),
            m.load(),
            ""));
    return this;
  }

  /** A server on a plain machine. */
  Scene machine(String name, double load) {
    pod(name, load, 1);
    pods.remove(name);
    return this;
  }

  Scene unready(String name) {
    Pod p = pods.get(name);
    pods.put(
        name,
        new Pod(
            p.name(),
            p.uid(),
            p.ip(),
            p.created(),
            p.phase(),
            false,
            p.leaving(),
            p.deletionCost(),
            p.trouble()));
    return this;
  }

  /** The pod is gone, and another has its name. */
  Scene reincarnated(String name) {
    Pod p = pods.get(name);
    pods.put(
        name,
        new Pod(
            name,
            p.uid() + "-again",
            p.ip(),
            now,
            p.phase(),
            p.ready(),
            false,
            OptionalInt.empty(),
            Optional.empty()));
    return this;
  }

  Scene leaving(String name) {
    Pod p = pods.get(name);
    pods.put(
        name,
        new Pod(
            name,
            p.uid(),
            p.ip(),
            p.created(),
            p.phase(),
            p.ready(),
            true,
            p.deletionCost(),
            Optional.empty()));
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
    health = Source.NEVER_HEARD.heardAt(now);
    return this;
  }

  /** How long ago the registry last confirmed the load reports. */
  Scene loadsAsOf(Duration ago) {
    loadsAreOld = ago;
    return this;
  }

  private int told() {
    long staying = pods.values().stream().filter(p -> !p.leaving()).count();
    return replicas >= 0 ? replicas : (int) staying;
  }

  /** Reckons, and remembers. */
  Plan reckon() {
    Source heard = Source.NEVER_HEARD.heardAt(now);
    plan =
        new Reckoner(settings)
            .reckon(
                new Situation(
                    now,
                    new Fleet(
                        "bolina",
                        List.copyOf(members.values()),
                        protection,
                        health,
                        Source.NEVER_HEARD.heardAt(now.minus(loadsAreOld)),
                        heard,
                        inAdvance),
                    new Target("deployment/bolina", told(), removal, rollout, autoscalers, budgets),
                    List.copyOf(pods.values())),
                history);
    history = plan.next();
    return plan;
  }

  /** Reckons, and does what the plan says, up to but for the scaling. */
  Plan act() {
    Plan acted = reckon();
    for (Step step : acted.steps()) {
      if (step instanceof Step.Drain drain && !members.containsKey(drain.serverId())) {
        inAdvance.put(drain.serverId(), drain.order());
      } else if (step instanceof Step.Drain drain) {
        change(
            drain.serverId(),
            members.get(drain.serverId()).health(),
            Optional.of(drain.order()),
            false);
      } else if (step instanceof Step.CallOff callOff) {
        change(
            callOff.serverId(), members.get(callOff.serverId()).health(), Optional.empty(), false);
      } else if (step instanceof Step.SetDeletionCost cost) {
        Pod p = pods.get(cost.pod());
        pods.put(
            p.name(),
            new Pod(
                p.name(),
                p.uid(),
                p.ip(),
                p.created(),
                p.phase(),
                p.ready(),
                p.leaving(),
                cost.cost(),
                p.trouble()));
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
