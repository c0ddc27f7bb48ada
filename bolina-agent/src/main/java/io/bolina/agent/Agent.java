package io.bolina.agent;

import io.bolina.agent.probe.Probing;
import io.bolina.registry.Registrar;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Warnings;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An agent at work: every second it reckons what there is to say to the registry, and says it. What
 * the registry does not take is said again the next second, and reported once.
 */
public final class Agent implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Agent.class);
  private static final Duration TICK = Duration.ofSeconds(1);
  private static final Duration PATIENCE_WHEN_OVER = Duration.ofSeconds(15);

  private final AgentConfig config;
  private final Server server;
  private final Registrar announcer;
  private final Warnings warnings;
  private final PrometheusMeterRegistry meters;
  private final Clock clock;
  private final Probing probing;
  private final AgentServer http;
  private final ScheduledExecutorService thread;
  private final CountDownLatch drained = new CountDownLatch(1);

  // What the server said; written by HTTP threads.
  private volatile Optional<StatusReport> report = Optional.empty();
  private volatile boolean reportedItself;
  private volatile Instant heard;
  private volatile Optional<Instant> drainingSince = Optional.empty();
  private volatile boolean hurried;

  // What the registry was told; of the agent's own thread.
  private boolean registered;
  private Optional<Instant> overSince = Optional.empty();
  private Instant probedAt = Instant.EPOCH;
  private boolean toldDraining;
  private boolean drainIsTheRegistrys;
  private Optional<Silence.Verdict> toldHealth = Optional.empty();
  private Instant toldHealthAt = Instant.EPOCH;
  private Optional<LoadGate.Written> toldLoad = Optional.empty();
  private Instant keptLoadAt = Instant.EPOCH;
  private volatile Optional<String> trouble = Optional.empty();
  private volatile boolean wasOpen;

  private Agent(
      AgentConfig config,
      Registrar announcer,
      PrometheusMeterRegistry meters,
      Warnings warnings,
      Clock clock)
      throws IOException {
    this.config = config;
    this.server = config.server();
    this.announcer = announcer;
    this.meters = meters;
    this.warnings = warnings;
    this.clock = clock;
    this.heard = clock.instant();
    this.probing = new Probing(config.probes());
    this.http = new AgentServer(config.listenHost(), config.listenPort(), this, meters::scrape);
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread t = new Thread(task, "agent-" + server.id());
              t.setDaemon(true);
              return t;
            });
    meters.gauge("bolina.agent.registry.up", this, a -> a.trouble.isEmpty() ? 1 : 0);
    meters.gauge("bolina.agent.draining", this, a -> a.drainingSince.isPresent() ? 1 : 0);
    meters.gauge(
        "bolina.agent.server.silent",
        this,
        a -> Duration.between(a.heard, clock.instant()).toMillis() / 1000.0);
  }

  /**
   * Starts an agent. It registers the server as soon as the registry can be reached.
   *
   * @throws IOException if its address cannot be listened on
   */
  public static Agent start(
      AgentConfig config,
      Registrar announcer,
      PrometheusMeterRegistry meters,
      Warnings warnings,
      Clock clock)
      throws IOException {
    Agent agent = new Agent(config, announcer, meters, warnings, clock);
    log.info(
        "speaking for '{}' of service {} at {}; it reports to http://{}:{}/v1/status",
        config.server().id(),
        config.server().service(),
        config.server().endpoint(),
        config.listenHost(),
        agent.port());
    var running =
        agent.thread.scheduleWithFixedDelay(agent::tick, 0, TICK.toMillis(), TimeUnit.MILLISECONDS);
    log.debug("{}", running);
    return agent;
  }

  /** The port on which the server reports. */
  public int port() {
    return http.port();
  }

  /** Takes the server's word. */
  void report(StatusReport said) {
    Optional<StatusReport> last = report;
    report = Optional.of(said);
    reportedItself = true;
    heard = clock.instant();
    if (last.isEmpty() || isNews(last.get(), said)) {
      now();
    }
  }

  /** Whether a report should not wait for the next second: an illness, an overload, or its end. */
  private boolean isNews(StatusReport last, StatusReport said) {
    return last.health() != said.health() || overloaded(last) != overloaded(said);
  }

  private boolean overloaded(StatusReport said) {
    return said.load()
        .filter(l -> l.load() >= config.loadGate().thresholds().overloadedAt())
        .isPresent();
  }

  private void now() {
    if (!thread.isShutdown()) {
      try {
        thread.execute(this::tick);
      } catch (RejectedExecutionException e) {
        log.debug("closed meanwhile", e);
      }
    }
  }

  /** Why the registry does not take what it is told; empty while it does. */
  Optional<String> trouble() {
    return trouble;
  }

  /** Whether the registry has been told at least once that the server is open to clients. */
  boolean wasOpen() {
    return wasOpen;
  }

  /**
   * Begins to take the server out of service. Called again, it no longer waits for sessions.
   *
   * @return whether this was the first call
   */
  public synchronized boolean drain() {
    if (drainingSince.isPresent()) {
      hurried = true;
      now();
      return false;
    }
    begin();
    now();
    return true;
  }

  private void begin() {
    drainingSince = Optional.of(clock.instant());
    log.info("draining: closed to new clients; waits for {}", progress().waitsFor());
  }

  boolean isDraining() {
    return drainingSince.isPresent();
  }

  /** How far draining has got. */
  Drain.Progress progress() {
    OptionalLong sessions =
        report.flatMap(StatusReport::load).map(LoadReport::sessions).orElse(OptionalLong.empty());
    return config.drain().progress(drainingSince, sessions, heard, hurried, clock.instant());
  }

  /** Waits until the server has been drained and deregistered. */
  public void awaitDrained() throws InterruptedException {
    drained.await();
  }

  /** Waits for the same, though not longer than some time, and returns whether it is so. */
  public boolean awaitDrained(Duration longest) throws InterruptedException {
    return drained.await(longest.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Stops. What the registry was told stays there, and turns critical with its time to live. */
  @Override
  public void close() {
    thread.shutdownNow();
    http.close();
  }

  /** Counts and reports a report of the server's that cannot be used. */
  void refused(String why) {
    warnings.warn(
        "status-report",
        server.id(),
        "a report of the server '{}' is refused: {}",
        server.id(),
        why);
  }

  private void tick() {
    if (drained.getCount() == 0) {
      return;
    }
    try {
      Instant now = clock.instant();
      probeUnlessTheServerReports(now);
      Registrar.Registration standing = announcer.registration(server);
      register(standing);
      drainAsTheRegistrySays(standing);
      sayDraining();
      sayHealth(now);
      sayLoad(now);
      deregisterIfDrained();
      if (trouble.isPresent()) {
        log.info("the registry takes what it is told again");
        trouble = Optional.empty();
      }
    } catch (RegistryWriteFailed e) {
      meters.counter("bolina.agent.registry.failures").increment();
      if (trouble.isEmpty()) {
        log.warn("{}; it is tried again every {} s", e.getMessage(), TICK.toSeconds());
      }
      trouble = Optional.of(String.valueOf(e.getMessage()));
      endWithoutTheRegistry();
    } catch (RuntimeException e) {
      meters.counter("bolina.agent.registry.failures").increment();
      if (trouble.isEmpty()) {
        log.error("something unforeseen; it is tried again every {} s", TICK.toSeconds(), e);
      }
      trouble = Optional.of(e.toString());
    }
  }

  /** Probes every second tick, once the server has been silent for that long. */
  private void probeUnlessTheServerReports(Instant now) {
    boolean reports = reportedItself && now.isBefore(heard.plus(config.silence().warningAfter()));
    if (config.probes().isEmpty() || reports || now.isBefore(probedAt.plusSeconds(2))) {
      return;
    }
    probedAt = now;
    Probing.Result found = probing.look();
    reportedItself = false;
    report = Optional.of(new StatusReport(found.health(), found.note(), found.load()));
    heard = clock.instant();
  }

  private void register(Registrar.Registration standing) {
    if (!standing.elsewhere().isEmpty()) {
      warnings.warn(
          "two-of-one-id",
          server.id(),
          "a server '{}' is registered at {}, and this one is at {}: two of one id? The last to start has it",
          server.id(),
          standing.elsewhere(),
          server.endpoint());
    }
    boolean lost = registered && !standing.registered() && standing.elsewhere().isEmpty();
    if (registered && !lost) {
      return;
    }
    announcer.register(server, config.timeToLive());
    log.info(
        "registered '{}' at {}{}",
        server.id(),
        server.endpoint(),
        lost ? " anew: the registry had forgotten it" : "");
    registered = true;
    toldHealth = Optional.empty();
    toldDraining = standing.draining();
  }

  /** Maintenance mode, set by an operator or the Watcher, drains; taken back, it calls that off. */
  private synchronized void drainAsTheRegistrySays(Registrar.Registration standing) {
    if (standing.draining() && drainingSince.isEmpty()) {
      begin();
      drainIsTheRegistrys = true;
      toldDraining = true;
    } else if (drainIsTheRegistrys && standing.registered() && !standing.draining()) {
      log.info("the drain is called off: open again");
      drainIsTheRegistrys = false;
      toldDraining = false;
      drainingSince = Optional.empty();
    }
  }

  private void sayDraining() {
    if (drainingSince.isPresent() && !toldDraining) {
      announcer.draining(server, true, "draining");
      toldDraining = true;
    }
  }

  private void sayHealth(Instant now) {
    Silence.Verdict verdict =
        Silence.withOverload(
            config.silence().judge(report, heard, now),
            report.flatMap(StatusReport::load).map(LoadReport::load).orElse(0.0),
            config.loadGate().thresholds().overloadedAt());
    Health told = toldHealth.map(Silence.Verdict::health).orElse(null);
    boolean due = !now.isBefore(toldHealthAt.plus(config.timeToLive().dividedBy(3)));
    if (verdict.health() == told && !due) {
      return;
    }
    if (!announcer.health(server, verdict.health(), verdict.note())) {
      // Forgotten since it was looked for a moment ago; the next second registers it anew.
      return;
    }
    meters.counter("bolina.agent.writes", "what", "health").increment();
    wasOpen |= verdict.health() != Health.CRITICAL;
    if (told != verdict.health()) {
      log.info("'{}' is {}: {}", server.id(), verdict.health(), verdict.note());
    }
    toldHealth = Optional.of(verdict);
    toldHealthAt = now;
  }

  private void sayLoad(Instant now) {
    Optional<LoadReport> load = report.flatMap(StatusReport::load);
    if (load.isEmpty()) {
      return;
    }
    boolean renew = !now.isBefore(keptLoadAt.plusSeconds(10));
    if (toldLoad.isPresent() && renew) {
      keptLoadAt = now;
      if (!announcer.keepLoad(server)) {
        toldLoad = Optional.empty();
      }
    }
    if (config.loadGate().worthWriting(toldLoad, load.get(), now)) {
      announcer.load(server, load.get());
      meters.counter("bolina.agent.writes", "what", "load").increment();
      toldLoad = Optional.of(new LoadGate.Written(load.get(), now));
    }
  }

  /**
   * A drain that is over must not wait for a registry that is out of reach: the machine may be
   * about to go down. The entry left behind turns critical with its time to live.
   */
  private void endWithoutTheRegistry() {
    Drain.Progress progress = progress();
    if (!progress.over()) {
      return;
    }
    Instant now = clock.instant();
    overSince = overSince.or(() -> Optional.of(now));
    if (hurried || !now.isBefore(overSince.get().plus(PATIENCE_WHEN_OVER))) {
      log.warn(
          "drained: {}; but '{}' could not be deregistered, its entry stays and turns critical",
          progress.waitsFor(),
          server.id());
      drained.countDown();
    }
  }

  private void deregisterIfDrained() {
    Drain.Progress progress = progress();
    if (progress.over()) {
      announcer.deregister(server);
      log.info("drained: {}; deregistered '{}'", progress.waitsFor(), server.id());
      drained.countDown();
    }
  }
}
