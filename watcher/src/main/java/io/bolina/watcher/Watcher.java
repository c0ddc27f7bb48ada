package io.bolina.watcher;

import io.bolina.registry.DrainOrders;
import io.bolina.registry.Registry;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.Fleet;
import io.bolina.watcher.reckoning.History;
import io.bolina.watcher.reckoning.Plan;
import io.bolina.watcher.reckoning.Reckoner;
import io.bolina.watcher.reckoning.Situation;
import io.bolina.watcher.reckoning.Standing;
import io.bolina.watcher.reckoning.Step;
import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Watcher at work: looks at the fleet and the workload every few seconds, and at once when the
 * fleet changes; reckons; does what the plan says, step by step, for as long as it leads.
 */
public final class Watcher implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Watcher.class);

  /** The least time between two looks. */
  private static final Duration BREATH = Duration.ofMillis(500);

  private static final Duration PATIENCE_FOR_A_LEADER = Duration.ofSeconds(30);
  private static final Duration QUIET = Duration.ofMinutes(5);

  /** How long the registry may take to show an order that it has taken. */
  private static final Duration ECHO = Duration.ofSeconds(10);

  private final WatcherConfig config;
  private final Workload workload;
  private final Leadership leadership;
  private final DrainOrders drainer;
  private final Clock clock;
  private final PrometheusMeterRegistry meters;
  private final Reckoner reckoner;
  private final Herald herald;
  private final WatcherPages pages;
  private final Registry.Watch watch;
  private final Thread thread;
  private final Semaphore news = new Semaphore(0);
  private List<String> lastGist = List.of(); // of the registry's thread

  private History history;
  private final Instant began;
  private Optional<Instant> leaderless = Optional.empty();
  private boolean led;
  private final Map<String, Boolean> ordered = new HashMap<>();
  private Instant orderedAt = Instant.EPOCH;
  private volatile Optional<Plan> plan = Optional.empty();
  private volatile Optional<String> fault = Optional.empty();
  private volatile Instant cameRound;
  private volatile boolean closed;

  private Watcher(
      WatcherConfig config,
      Registry registry,
      DrainOrders drainer,
      Workload workload,
      Leadership leadership,
      PrometheusMeterRegistry meters,
      Clock clock)
      throws IOException {
    this.config = config;
    this.workload = workload;
    this.leadership = leadership;
    this.drainer = drainer;
    this.clock = clock;
    this.meters = meters;
    this.reckoner = new Reckoner(config.settings());
    this.herald = new Herald(workload, meters, config.dryRun());
    this.history = History.beginning(clock.instant());
    this.cameRound = clock.instant();
    this.began = clock.instant();
    this.pages =
        new WatcherPages(
            config.listenHost(), config.listenPort(), this::unwell, this::explain, meters::scrape);
    this.watch = registry.watch(config.service(), Optional.empty(), this::fleetChanged);
    measure();
    this.thread = new Thread(this::loop, "watcher");
    thread.setDaemon(true);
  }

  /**
   * Starts a Watcher.
   *
   * @throws IOException if its admin pages' address cannot be listened on
   */
  public static Watcher start(
      WatcherConfig config,
      Registry registry,
      DrainOrders drainer,
      Workload workload,
      Leadership leadership,
      PrometheusMeterRegistry meters,
      Clock clock)
      throws IOException {
    Watcher watcher = new Watcher(config, registry, drainer, workload, leadership, meters, clock);
    watcher.thread.start();
    log.info(
        "admin pages on http://{}:{}{}",
        config.listenHost(),
        watcher.port(),
        config.dryRun() ? "; a dry run: nothing is changed" : "");
    return watcher;
  }

  /** The port of the admin pages. */
  public int port() {
    return pages.port();
  }

  /** The current reckoning, for people. */
  public String explain() {
    if (!leadership.leading()) {
      String who = leadership.leader();
      return "stands by; " + (who.isEmpty() ? "nobody leads yet" : "the leader is " + who) + "\n";
    }
    String fault = this.fault.map(why -> "FROZEN: " + why + "\n\n").orElse("");
    return fault
        + plan.map(
                p ->
                    Explanation.of(
                        p,
                        config.settings().giver(),
                        config.service(),
                        config.dryRun() ? "a dry run: nothing is changed" : "leads",
                        clock.instant()))
            .orElse("nothing has been reckoned yet\n");
  }

  private Optional<String> unwell() {
    Duration silent = Duration.between(cameRound, clock.instant());
    // Each of a look's requests may time out, be retried and time out again.
    return silent.compareTo(config.interval().plusMinutes(3)) > 0
        ? Optional.of("it has not come round for " + silent.toSeconds() + " s")
        : Optional.empty();
  }

  /** Load alone can wait for the next look, unless it overloads a server or is the last of it. */
  private void fleetChanged(Fleet fleet) {
    List<String> gist =
        fleet.members().stream()
            .map(
                m ->
                    m.server().id()
                        + m.health()
                        + m.draining()
                        + m.presence()
                        + m.load()
                            .map(
                                l ->
                                    (l.load() >= config.settings().overloadedAt())
                                        + " "
                                        + l.sessions().equals(OptionalLong.of(0)))
                            .orElse(""))
            .toList();
    if (!gist.equals(lastGist)) {
      lastGist = gist;
      news.release();
    }
  }

  private void loop() {
    while (!closed) {
      try {
        boolean busy = comeRound();
        cameRound = clock.instant();
        Thread.sleep(BREATH.toMillis());
        Duration rest = config.interval().minus(BREATH);
        if (!busy
            && !rest.isNegative()
            && news.tryAcquire(rest.toMillis(), TimeUnit.MILLISECONDS)) {
          log.debug("the fleet has changed");
        }
        news.drainPermits();
      } catch (InterruptedException e) {
        return; // closed
      } catch (RuntimeException e) {
        fault = Optional.of("something unforeseen: " + e);
        log.error(
            "something unforeseen; it is tried again in {} s", config.interval().toSeconds(), e);
        history = history.interrupted(clock.instant());
        pause();
      }
    }
  }

  private void pause() {
    try {
      Thread.sleep(config.interval().toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Looks, reckons and acts once. Returns whether anything was done, so that more may follow. */
  private boolean comeRound() {
    if (!leadership.leading()) {
      led = false;
      plan = Optional.empty();
      reportIfNobodyLeads();
      return false;
    }
    leaderless = Optional.empty();
    if (!led) {
      led = true;
      history = History.beginning(clock.instant());
    }
    Fleet fleet = watch.current();
    if (!shows(fleet, ordered) && clock.instant().isBefore(orderedAt.plus(ECHO))) {
      return true; // who chose a victim must see it before choosing again
    }
    ordered.clear();
    boolean heard =
        fleet.health().lastUpdate().isPresent()
            && fleet.load().lastUpdate().isPresent()
            && fleet.orders().lastUpdate().isPresent();
    if (!heard && clock.instant().isBefore(began.plus(config.settings().staleAfter()))) {
      return false; // the registry has not had its chance yet
    }
    Workload.View view;
    try {
      view = workload.look();
      fault = Optional.empty();
    } catch (WorkloadFault e) {
      herald.unseen(e);
      fault = Optional.of(e.getMessage());
      history = history.interrupted(clock.instant());
      return false;
    }
    Plan reckoned =
        reckoner.reckon(new Situation(clock.instant(), fleet, view.target(), view.pods()), history);
    plan = Optional.of(reckoned);
    herald.reckoned(reckoned);
    if (config.dryRun()) {
      herald.wouldDo(reckoned);
      history = reckoned.next().withoutDeedsSince(history);
      return false;
    }
    boolean allDone = act(reckoned.steps());
    history = allDone ? reckoned.next() : reckoned.next().withoutDeedsSince(history);
    return allDone && !reckoned.steps().isEmpty();
  }

  private void reportIfNobodyLeads() {
    Instant now = clock.instant();
    if (!leadership.leader().isEmpty()) {
      leaderless = Optional.empty();
    } else if (leaderless.isEmpty()) {
      leaderless = Optional.of(now);
    } else if (now.isAfter(leaderless.get().plus(PATIENCE_FOR_A_LEADER))) {
      log.warn(
          "nobody leads: can Kubernetes be reached, and may Leases be read and written there?");
      leaderless = Optional.of(now.plus(QUIET)); // said again after a while
    }
  }

  private boolean act(List<Step> steps) {
    for (Step step : steps) {
      if (closed || !leadership.leading()) {
        return false;
      }
      try {
        act(step);
        herald.did(step);
      } catch (WorkloadFault | RegistryWriteFailed e) {
        herald.failed(step, e);
        return false;
      }
    }
    if (!steps.isEmpty()) {
      herald.didAll();
    }
    return true;
  }

  private void act(Step step) {
    if (step instanceof Step.Drain drain) {
      expect(drain.serverId(), true);
      drainer.order(config.service(), drain.serverId(), drain.order());
    } else if (step instanceof Step.CallOff callOff) {
      expect(callOff.serverId(), false);
      drainer.callOff(config.service(), callOff.serverId());
    } else if (step instanceof Step.SetDeletionCost cost) {
      workload.setDeletionCost(cost);
    } else if (step instanceof Step.Scale scale) {
      workload.scale(scale);
    } else if (step instanceof Step.Evict evict) {
      workload.evict(evict);
    }
  }

  private void expect(String serverId, boolean order) {
    ordered.put(serverId, order);
    orderedAt = clock.instant();
  }

  private static boolean shows(Fleet fleet, Map<String, Boolean> ordered) {
    Set<String> there = new HashSet<>(fleet.ordersInAdvance().keySet());
    fleet.members().stream()
        .filter(m -> m.order().isPresent())
        .forEach(m -> there.add(m.server().id()));
    return ordered.entrySet().stream().allMatch(e -> there.contains(e.getKey()) == e.getValue());
  }

  private void measure() {
    meters.gauge("bolina.watcher.leading", this, w -> w.leadership.leading() ? 1 : 0);
    meters.gauge("bolina.watcher.frozen", this, w -> w.isFrozen() ? 1 : 0);
    meters.gauge("bolina.watcher.pods.wanted", this, w -> w.plan.map(Plan::wanted).orElse(0));
    meters.gauge("bolina.watcher.pods.replicas", this, w -> w.plan.map(Plan::replicas).orElse(0));
    for (Standing standing : Standing.values()) {
      meters.gauge(
          "bolina.watcher.pods",
          Tags.of("standing", standing.name().toLowerCase(Locale.ROOT)),
          this,
          w ->
              w.plan
                  .map(p -> p.rows().stream().filter(r -> r.standing() == standing).count())
                  .orElse(0L));
    }
    meters.gauge(
        "bolina.watcher.alarms.now", this, w -> w.plan.map(p -> p.alarms().size()).orElse(0));
  }

  private boolean isFrozen() {
    return fault.isPresent() || plan.flatMap(Plan::frozen).isPresent();
  }

  /**
   * Stops, leaving everything as it is: who drains goes on draining until another Watcher comes.
   */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join(Duration.ofSeconds(5).toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    watch.close();
    leadership.close();
    pages.close();
  }
}
