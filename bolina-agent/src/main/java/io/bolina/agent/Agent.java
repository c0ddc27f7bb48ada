package io.bolina.agent;

import io.bolina.agent.AgentState.AgentEnd;
import io.bolina.agent.probe.LifeSign;
import io.bolina.agent.probe.LifeWatch;
import io.bolina.agent.probe.ProbeRounds;
import io.bolina.agent.probe.SocketLife;
import io.bolina.registry.Registrar;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.Health;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Telemetry;
import io.micrometer.core.instrument.Gauge;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An agent at work. One thread owns its state: everything that happens is an event for that thread,
 * which makes the next state of it and publishes it; all others only read what is published. What
 * may take time has a thread of its own, and its result is an event as well: the probes, and the
 * registry, which is synchronized every second and at once on a change of health.
 */
public final class Agent implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Agent.class);
  private static final Duration TICK = Duration.ofSeconds(1);

  /** How often the watches look. */
  private static final Duration LOOK = Duration.ofMillis(100);

  /** How many looks apart the server is asked, unless there is a sign of its end. */
  private static final int ASK_EVERY = 5;

  private final AgentConfig config;
  private final Telemetry telemetry;
  private final Clock clock;
  private final ProbeRounds probes;
  private final RegistrySync sync;
  private final AgentPages pages;
  private final ScheduledExecutorService thread;
  private final ExecutorService probeThread;
  private final List<LifeWatch> watches;
  private final ScheduledExecutorService watchThread;
  private final ExecutorService registryThread;
  private final CountDownLatch drained = new CountDownLatch(1);

  /** Of those who wait for the same without a thread. */
  private final Map<Object, CompletableFuture<Boolean>> waiting = new ConcurrentHashMap<>();

  /** Of the agent's thread; others only read it. */
  private volatile AgentState state;

  private volatile boolean terminated;

  private Agent(AgentConfig config, Registrar registrar, Telemetry telemetry) {
    this.config = config;
    this.telemetry = telemetry;
    this.clock = telemetry.clock();
    this.state = AgentState.startedAt(clock.instant());
    this.probes = new ProbeRounds(config.probes());
    this.pages = new AgentPages(this, config, telemetry);
    this.sync = new RegistrySync(config, registrar, telemetry, pages::reportTo);
    String id = config.server().id();
    this.thread = Executors.newSingleThreadScheduledExecutor(daemon("agent-" + id));
    this.probeThread = Executors.newSingleThreadExecutor(daemon("agent-probe-" + id));
    this.watches =
        Stream.concat(
                config.probes().stream().flatMap(p -> p.lifeWatch().stream()),
                Stream.of(new SocketLife(config.server().address(), config.server().port())))
            .toList();
    this.watchThread = Executors.newSingleThreadScheduledExecutor(daemon("agent-watch-" + id));
    this.registryThread = Executors.newSingleThreadExecutor(daemon("agent-registry-" + id));
    Gauge.builder(
            "bolina.agent.registry.up", this, a -> a.state.registry().problem().isEmpty() ? 1 : 0)
        .register(telemetry.meters());
    Gauge.builder("bolina.agent.draining", this, a -> a.state.isDraining() ? 1 : 0)
        .register(telemetry.meters());
    Gauge.builder(
            "bolina.agent.report.age",
            this,
            a -> Duration.between(a.state.latest().at(), clock.instant()).toMillis() / 1000.0)
        .baseUnit("seconds")
        .register(telemetry.meters());
  }

  private static ThreadFactory daemon(String name) {
    return task -> {
      Thread t = new Thread(task, name);
      t.setDaemon(true);
      return t;
    };
  }

  /**
   * Starts an agent. It registers the server as soon as the registry can be reached.
   *
   * @throws IOException if its address cannot be listened on
   */
  public static Agent start(AgentConfig config, Registrar registrar, Telemetry telemetry)
      throws IOException {
    Agent agent = new Agent(config, registrar, telemetry);
    try {
      agent.pages.start();
    } catch (IOException e) {
      agent.stopThreads();
      throw e;
    }
    log.atInfo()
        .addKeyValue("server", config.server().id())
        .addKeyValue("service", config.server().service())
        .addKeyValue("endpoint", config.server().endpoint())
        .addKeyValue("reportTo", agent.pages.reportTo())
        .log("agent started");
    agent.send(agent::tickForever);
    agent.watchForever(0);
    return agent;
  }

  /** The port on which the server reports. */
  public int port() {
    return pages.port();
  }

  // What other threads may do: read the state, and send events.

  AgentState state() {
    return state;
  }

  DrainPolicy.DrainProgress progress() {
    return state.progress(config, clock.instant());
  }

  /** Takes a report of the server's. */
  void report(StatusReport report) {
    ask(
        () -> {
          AgentState before = state;
          become(state.reported(report, clock.instant()));
          syncIfUrgent(before);
          return true;
        });
  }

  /** The server says that it ends. */
  void goodbye(String reason) {
    ask(
        () -> {
          become(state.saidGoodbye(reason, clock.instant()).syncRequested());
          return true;
        });
  }

  /**
   * Begins to take the server out of service, since the process is to end: within the time that it
   * has for that. Called again, it no longer waits for sessions.
   */
  public void terminate() {
    terminated = true;
    drain(config.drain().killedAfter().map(DrainPolicy::before));
  }

  /**
   * Begins to take the server out of service. Called again, it no longer waits for sessions.
   *
   * @param within how long that may take at most, if less than the drain time
   * @return whether this was the first call
   */
  boolean drain(Optional<Duration> within) {
    return ask(
        () -> {
          boolean first = !state.isDraining();
          Instant now = clock.instant();
          AgentState next =
              first ? state.drainRequested(within, now) : state.drainRequestedAgain(now);
          become(next.syncRequested());
          return first;
        });
  }

  /**
   * Begins to take the server out of service, and always waits for sessions.
   *
   * @param within how long at most, if less than the drain time
   */
  void drainPatiently(Optional<Duration> within) {
    ask(
        () -> {
          become(state.drainRequested(within, clock.instant()).syncRequested());
          return true;
        });
  }

  /** Waits until the server has been drained and deregistered. */
  public void awaitDrained() throws InterruptedException {
    drained.await();
  }

  /** Waits for the same without a thread, though not longer than some time. */
  CompletableFuture<Boolean> drainedWithin(Duration longest) {
    CompletableFuture<Boolean> waiter = new CompletableFuture<>();
    Object key = new Object();
    waiting.put(key, waiter);
    if (isDrained()) {
      waiter.complete(true);
    }
    return waiter
        .completeOnTimeout(false, longest.toMillis(), TimeUnit.MILLISECONDS)
        .whenComplete((over, failure) -> waiting.remove(key));
  }

  /** Whether it was told to end, and not only to drain its server. */
  boolean isTerminated() {
    return terminated;
  }

  boolean isDrained() {
    return drained.getCount() == 0;
  }

  /** Waits for the same, though not longer than some time, and returns whether it is so. */
  public boolean awaitDrained(Duration longest) throws InterruptedException {
    return drained.await(longest.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Stops. What is written in the registry stays, and turns critical with its time to live. */
  @Override
  public void close() {
    stopThreads();
    pages.close();
  }

  private void stopThreads() {
    for (Runnable dropped : thread.shutdownNow()) {
      if (dropped instanceof Future<?> event) {
        event.cancel(false); // whoever asked waits for it
      }
    }
    probeThread.shutdownNow();
    watchThread.shutdownNow();
    registryThread.shutdownNow();
  }

  /**
   * Has the agent's thread handle an event, and returns when it has: it never waits for anything,
   * so that is at once.
   */
  private boolean ask(Callable<Boolean> event) {
    try {
      return thread.submit(event).get();
    } catch (RejectedExecutionException | CancellationException e) {
      log.debug("closed meanwhile", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      throw new IllegalStateException("event of the agent failed", e.getCause());
    }
    return false;
  }

  private void send(Runnable event) {
    execute(
        thread,
        () -> {
          try {
            event.run();
          } catch (RuntimeException | Error e) {
            // The executor would keep it to itself.
            log.atError().setCause(e).log("unexpected error; retrying");
          }
        });
  }

  private static void execute(Executor executor, Runnable task) {
    try {
      executor.execute(task);
    } catch (RejectedExecutionException e) {
      log.debug("closed meanwhile", e);
    }
  }

  // All below is of the agent's thread, but for what watches, probes and synchronizes.

  /** Of the watches' thread: looks, and sees to the next look whatever happens in this one. */
  private void watchForever(int looks) {
    try {
      var next =
          watchThread.schedule(
              () -> {
                try {
                  look(looks);
                } catch (RuntimeException | Error e) {
                  log.atError().setCause(e).log("unexpected error in a watch; retrying");
                } finally {
                  watchForever(looks + 1);
                }
              },
              looks == 0 ? 0 : LOOK.toMillis(),
              TimeUnit.MILLISECONDS);
      log.trace("{}", next);
    } catch (RejectedExecutionException e) {
      watches.forEach(LifeWatch::close);
      log.debug("closed meanwhile", e);
    }
  }

  private void look(int looks) {
    boolean ask =
        (looks % ASK_EVERY == 0 || state.isLifeSuspect())
            && state.isLifeInDoubt(config.deadlines(), clock.instant());
    List<Optional<LifeSign>> signs =
        watches.stream()
            .map(
                w ->
                    (w.asksServer() && !ask) || !w.isDue()
                        ? Optional.<LifeSign>empty()
                        : Optional.of(w.look()))
            .toList();
    send(
        () -> {
          AgentState before = state;
          become(state.looked(signs, clock.instant()));
          syncIfUrgent(before);
        });
  }

  /** Ticks, and sees to the next tick whatever happens in this one. */
  private void tickForever() {
    try {
      tick();
    } catch (RuntimeException | Error e) {
      log.atError().setCause(e).log("unexpected error; retrying");
    } finally {
      scheduleTick();
    }
  }

  private void scheduleTick() {
    try {
      var next = thread.schedule(this::tickForever, TICK.toMillis(), TimeUnit.MILLISECONDS);
      log.trace("{}", next);
    } catch (RejectedExecutionException e) {
      log.debug("closed meanwhile", e);
    }
  }

  private void tick() {
    Instant now = clock.instant();
    if (!config.probes().isEmpty() && state.probeDue(config.deadlines(), now)) {
      become(state.probeBegun(now));
      execute(probeThread, this::probe);
    }
    become(state.firstReportAwaited(config.deadlines(), now).syncRequested());
  }

  /** Of the probes' thread. */
  private void probe() {
    Optional<StatusReport> found;
    try {
      ProbeRounds.RoundResult result = probes.run();
      found = Optional.of(new StatusReport(result.health(), result.note(), result.load()));
    } catch (RuntimeException | Error e) {
      log.atError().setCause(e).log("unexpected error in a probe; retrying");
      found = Optional.empty();
    }
    Optional<StatusReport> ended = found;
    send(
        () -> {
          AgentState before = state;
          become(state.probeEnded(ended, clock.instant()));
          syncIfUrgent(before);
        });
  }

  private void syncIfUrgent(AgentState before) {
    if (state.isUrgentAfter(before, config)) {
      become(state.syncRequested());
    }
  }

  /** Of the registry's thread. */
  private void synchronize(AgentState with) {
    RegistrySync.SyncOutcome outcome = sync.sync(with);
    send(() -> synchronizedWith(outcome));
  }

  private void synchronizedWith(RegistrySync.SyncOutcome outcome) {
    Instant now = clock.instant();
    UnaryOperator<AgentState> seen =
        s -> outcome.seen().map(registration -> s.seenInRegistry(registration, now)).orElse(s);
    if (outcome.failure().isEmpty()) {
      become(seen.apply(state).syncSucceeded(outcome.wasOpen(), outcome.deregistered()));
      return;
    }
    Throwable failure = outcome.failure().get();
    telemetry.meters().counter("bolina.agent.registry.failures").increment();
    String problem =
        failure instanceof RegistryWriteFailed ? FailureReason.of(failure) : failure.toString();
    if (state.registry().problem().isEmpty()) {
      if (failure instanceof RegistryWriteFailed) {
        log.atWarn()
            .addKeyValue("server", config.server().id())
            .addKeyValue("reason", problem)
            .log("registry request failed; retrying");
      } else {
        log.atError().setCause(failure).log("unexpected error; retrying");
      }
    }
    become(seen.apply(state).syncFailed(problem, outcome.wasOpen(), config, now));
  }

  /** Publishes the next state, and does what goes with it. */
  private void become(AgentState next) {
    AgentState before = state;
    Instant now = clock.instant();
    boolean begins = next.canSync(now);
    AgentState after = begins ? next.syncBegun() : next;
    state = after;
    logChanges(before, after, now);
    if (begins) {
      execute(registryThread, () -> synchronize(after));
    }
    if (after.registry().end().isPresent()) {
      drained.countDown();
      waiting.values().forEach(waiter -> waiter.complete(true));
    }
  }

  private void logChanges(AgentState before, AgentState after, Instant now) {
    String id = config.server().id();
    String waitsFor = after.progress(config, now).waitsFor();
    if (!before.isDraining() && after.isDraining()) {
      log.atInfo()
          .addKeyValue("server", id)
          .addKeyValue("by", after.drain().byMaintenance() ? "maintenance mode" : "request")
          .addKeyValue("waitsFor", waitsFor)
          .log("draining; closed to new clients");
    } else if (before.isDraining() && !after.isDraining()) {
      log.atInfo().addKeyValue("server", id).log("drain canceled; open to new clients");
    }
    if (!before.latest().missed() && after.latest().missed()) {
      logMissingReport(after, now);
    }
    if (before.registry().problem().isPresent() && after.registry().problem().isEmpty()) {
      log.atInfo().addKeyValue("server", id).log("registry recovered");
    }
    if (before.registry().end().isEmpty() && after.registry().end().isPresent()) {
      if (after.registry().end().get() == AgentEnd.DEREGISTERED) {
        log.atInfo()
            .addKeyValue("server", id)
            .addKeyValue("reason", waitsFor)
            .log("drained; server deregistered");
      } else {
        log.atWarn()
            .addKeyValue("server", id)
            .addKeyValue("reason", waitsFor)
            .log("drained; cannot deregister server, its entry stays and turns critical");
      }
    }
  }

  private void logMissingReport(AgentState current, Instant now) {
    ReportDeadlines deadlines = config.deadlines();
    Duration left = Duration.between(now, current.latest().at().plus(deadlines.criticalAfter()));
    boolean critical = deadlines.atStart() == Health.CRITICAL;
    var line = log.atWarn().addKeyValue("server", config.server().id());
    if (!critical) {
      line = line.addKeyValue("inSeconds", Math.max(0, left.toSeconds()));
    }
    line.addKeyValue("reportTo", pages.reportTo())
        .addKeyValue("hint", "report every few seconds, " + ReportDeadlines.PROBE_HINT)
        .log(
            critical
                ? "no report from server yet; it stays critical"
                : "no report from server yet; it turns critical");
  }
}
