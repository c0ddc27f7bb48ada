package io.bolina.agent;

import io.bolina.agent.probe.LifeSign;
import io.bolina.registry.Registrar;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Everything an agent knows at one moment. Each event makes a new state of it, by one of the
 * methods here: pure functions, of which {@link Agent}'s thread is the only caller.
 */
record AgentState(
    LatestStatus latest,
    ReportPace pace,
    ServerLife life,
    ProbeRun probe,
    DrainState drain,
    RegistryState registry) {
  /** The least time between the beginnings of two rounds of probes. */
  static final Duration PROBE_INTERVAL = Duration.ofSeconds(2);

  /** How long a round of probes is waited for that takes over from the server's own reports. */
  static final Duration PROBE_TIMEOUT = Duration.ofSeconds(3);

  /** How long a server that is drained waits for a registry that does not answer. */
  static final Duration DEREGISTRATION_TIMEOUT = Duration.ofSeconds(15);

  /**
   * The last report of the server's, or what a probe found since.
   *
   * @param report empty if there is neither
   * @param fromServer whether it is the server's own
   * @param at when it came; the agent's start if there is none
   * @param missed whether the first one is overdue
   */
  record LatestStatus(
      Optional<StatusReport> report, boolean fromServer, Instant at, boolean missed) {}

  /**
   * The probes.
   *
   * @param begunAt when the last round began
   * @param running whether it is still under way
   * @param outdated whether the server has reported since it began
   */
  record ProbeRun(Instant begunAt, boolean running, boolean outdated) {}

  /**
   * Taking the server out of service.
   *
   * @param since when that began; empty if the server is not draining
   * @param until when it must be over at the latest, if that is not said by the drain time alone
   * @param hurried whether it was requested not to wait for sessions
   * @param byMaintenance whether maintenance mode in the registry began it, and so can cancel it
   */
  record DrainState(
      Optional<Instant> since, Optional<Instant> until, boolean hurried, boolean byMaintenance) {
    static final DrainState NONE = new DrainState(Optional.empty(), Optional.empty(), false, false);

    private static DrainState begun(Instant now, boolean byMaintenance) {
      return new DrainState(Optional.of(now), Optional.empty(), false, byMaintenance);
    }

    private DrainState within(Optional<Instant> end) {
      boolean sooner = end.isPresent() && (until.isEmpty() || end.get().isBefore(until.get()));
      return sooner ? new DrainState(since, end, hurried, byMaintenance) : this;
    }

    /** Whether the registry says that the drain it began is canceled. */
    boolean canceledBy(Registrar.Registration seen) {
      return byMaintenance && seen.registered() && !seen.draining();
    }
  }

  /**
   * What is known of the registry.
   *
   * @param problem why the last synchronization failed; empty if it did not
   * @param drainedSince since when a drained server waits to be deregistered
   * @param wasOpen whether a health other than critical has been written yet
   * @param foundBefore whether the server was registered when the agent started; empty as long as
   *     the registry has not answered
   * @param syncing whether a synchronization is under way
   * @param syncDue whether another one is due
   * @param end how it ended; empty while the agent works
   */
  record RegistryState(
      Optional<String> problem,
      Optional<Instant> drainedSince,
      boolean wasOpen,
      Optional<Boolean> foundBefore,
      boolean syncing,
      boolean syncDue,
      Optional<AgentEnd> end) {
    /** Whether no client can ever have been sent to it. */
    boolean neverOpen() {
      return !wasOpen && foundBefore.equals(Optional.of(false));
    }
  }

  /** How an agent's work ended. */
  enum AgentEnd {
    DEREGISTERED,
    /** The registry did not answer; its entry of the server stays and turns critical. */
    NOT_DEREGISTERED
  }

  static AgentState startedAt(Instant now) {
    return new AgentState(
        new LatestStatus(Optional.empty(), false, now, false),
        ReportPace.UNKNOWN,
        ServerLife.unknown(),
        new ProbeRun(Instant.EPOCH, false, false),
        DrainState.NONE,
        new RegistryState(
            Optional.empty(),
            Optional.empty(),
            false,
            Optional.empty(),
            false,
            false,
            Optional.empty()));
  }

  // Status

  /** The server has reported. */
  AgentState reported(StatusReport report, Instant now) {
    return new AgentState(
        new LatestStatus(Optional.of(report), true, now, latest.missed),
        pace.reported(now),
        life.reported(now),
        new ProbeRun(probe.begunAt, probe.running, probe.running),
        drain,
        registry);
  }

  /**
   * Whether to probe now: the server does not report, and the last round has ended.
   *
   * @param deadlines whose first one says when a server counts as not reporting
   */
  boolean probeDue(ReportDeadlines deadlines, Instant now) {
    Duration overdueAfter = deadlines.fittingTo(pace).warningAfter();
    boolean reports = latest.fromServer && now.isBefore(latest.at.plus(overdueAfter));
    return !probe.running && !reports && !now.isBefore(probe.begunAt.plus(PROBE_INTERVAL));
  }

  AgentState probeBegun(Instant now) {
    return withProbe(new ProbeRun(now, true, false));
  }

  /**
   * A round of probes has ended.
   *
   * @param found empty if they failed to say anything
   */
  AgentState probeEnded(Optional<StatusReport> found, Instant now) {
    AgentState ended = withProbe(new ProbeRun(probe.begunAt, false, false));
    // What the server says of itself takes precedence, also if it came while the probe ran.
    return found.isEmpty() || probe.outdated
        ? ended
        : new AgentState(
            new LatestStatus(found, false, now, latest.missed),
            pace,
            found.get().health() == Health.PASSING ? life.foundWell() : life,
            ended.probe,
            drain,
            registry);
  }

  /** Time has passed: the first report, or the first result of a probe, may be overdue. */
  AgentState firstReportAwaited(ReportDeadlines deadlines, Instant now) {
    // A server that is critical at the start may take its time to start.
    Duration overdueAfter =
        deadlines.atStart() == Health.CRITICAL
            ? deadlines.criticalAfter()
            : deadlines.warningAfter();
    boolean missed = latest.report.isEmpty() && !now.isBefore(latest.at.plus(overdueAfter));
    return missed && !latest.missed
        ? new AgentState(
            new LatestStatus(latest.report, latest.fromServer, latest.at, true),
            pace,
            life,
            probe,
            drain,
            registry)
        : this;
  }

  Optional<LoadReport> load() {
    return latest.report.flatMap(StatusReport::load);
  }

  /**
   * Whether a server that used to report does so no longer, and a probe fails as well: two signs
   * that do not need a third.
   */
  private boolean isSilentAndProbedInVain() {
    return !latest.fromServer
        && pace.longest().isPresent()
        && latest.report.isPresent()
        && latest.report.get().health() != Health.PASSING;
  }

  /** The health that the registry is to have. */
  ServerHealth health(AgentConfig config, String reportTo, Instant now) {
    Optional<String> closed = life.closedBecause();
    if (closed.isPresent()) {
      return new ServerHealth(Health.CRITICAL, closed.get());
    }
    if (life.isUntried()) {
      return new ServerHealth(
          Health.CRITICAL,
          "server was restarted; waiting for its first report to " + reportTo + ", or a probe");
    }
    if (isSilentAndProbedInVain()) {
      return new ServerHealth(
          Health.CRITICAL, "it no longer reports, and " + latest.report.get().note());
    }
    return ReportDeadlines.withOverload(
        config.deadlines().fittingTo(pace).assess(latest.report, latest.at, now, reportTo),
        load(),
        config.loadWrites().thresholds());
  }

  // Life

  /** The watches have looked whether the server lives. */
  AgentState looked(List<Optional<LifeSign>> signs, Instant now) {
    return withLife(life.looked(signs, pace.longest(), now));
  }

  /** Whether it is not just that nothing speaks against it. */
  boolean isAliveForCertain() {
    boolean saysSo =
        latest.report.isPresent()
            && (latest.fromServer || latest.report.get().health() == Health.PASSING)
            && !life.isUntried();
    return saysSo || life.watched().stream().anyMatch(w -> w.sign().isLife());
  }

  /** The server says that it ends. */
  AgentState saidGoodbye(String reason, Instant now) {
    return withLife(life.saidGoodbye(reason, now));
  }

  /**
   * Whether the server is to be asked whether it lives: something says that it does not, or it
   * should have reported. Else its reports say so.
   */
  boolean isLifeInDoubt(ReportDeadlines deadlines, Instant now) {
    Duration overdueAfter =
        isDraining()
            ? deadlines.fittingTo(pace).warningAfter() // a question may count as a session
            : pace.longest()
                .map(interval -> interval.multipliedBy(3).dividedBy(2))
                .orElse(deadlines.warningAfter());
    return life.isSuspect() || !latest.fromServer || !now.isBefore(latest.at.plus(overdueAfter));
  }

  /** Whether something says that the server has ended, which is to be looked at closely. */
  boolean isLifeSuspect() {
    return life.isSuspect();
  }

  /**
   * Whether this differs from an earlier state in what should be written at once: the first status,
   * another health, an overload or its end.
   */
  boolean isUrgentAfter(AgentState before, AgentConfig config) {
    return life.isUntried() != before.life.isUntried()
        || !life.gone().equals(before.life.gone())
        || !life.closedBecause().equals(before.life.closedBecause())
        || life.restarts() != before.life.restarts()
        || (latest.report.isPresent()
            && (before.latest.report.isEmpty()
                || before.latest.report.get().health() != latest.report.get().health()
                || before.isOverloaded(config) != isOverloaded(config)));
  }

  boolean isOverloaded(AgentConfig config) {
    return load().filter(l -> config.loadWrites().thresholds().isOverload(l.load())).isPresent();
  }

  // Draining

  boolean isDraining() {
    return drain.since.isPresent();
  }

  /**
   * The server is to be drained; if it is already, nothing changes but how long that may take.
   *
   * @param within how long at most, if less than the drain time
   */
  AgentState drainRequested(Optional<Duration> within, Instant now) {
    DrainState begun = isDraining() ? drain : DrainState.begun(now, false);
    return withDrain(begun.within(within.map(now::plus)));
  }

  AgentState drainRequested(Instant now) {
    return drainRequested(Optional.empty(), now);
  }

  /** The server is to be drained; if it is already, without waiting for sessions. */
  AgentState drainRequestedAgain(Instant now) {
    return isDraining()
        ? withDrain(new DrainState(drain.since, drain.until, true, drain.byMaintenance))
        : drainRequested(now);
  }

  DrainPolicy.DrainProgress progress(AgentConfig config, Instant now) {
    DrainPolicy policy = config.drain();
    if (isDraining() && life.isOver()) {
      return new DrainPolicy.DrainProgress(true, life.end().orElseThrow().reason());
    }
    if (isDraining() && registry.neverOpen()) {
      return new DrainPolicy.DrainProgress(true, "it was never open to clients");
    }
    Duration silence = config.deadlines().fittingTo(pace).criticalAfter();
    if (isDraining() && isUnseen() && !now.isBefore(drain.since.get().plus(silence))) {
      return new DrainPolicy.DrainProgress(
          true, "nothing was seen of it for " + silence.toSeconds() + " s");
    }
    OptionalLong sessions = load().map(LoadReport::sessions).orElse(OptionalLong.empty());
    return policy.progress(
        drain.since, drain.until, sessions, latest.at, silence, drain.hurried, now);
  }

  /**
   * Whether there may be no server at all, as in a pod that is deleted before its server has
   * started, while no registry says whether it had clients: no report, no sign of life, no entry.
   */
  private boolean isUnseen() {
    boolean nothingGood =
        !latest.fromServer && latest.report.filter(r -> r.health() == Health.PASSING).isEmpty();
    return nothingGood
        && !life.served()
        && !registry.wasOpen
        && life.watched().stream().noneMatch(w -> w.proven() || w.sign().isLife());
  }

  // Registry

  /** The registry has been asked: maintenance mode there begins a drain, and ends what it began. */
  AgentState seenInRegistry(Registrar.Registration seen, Instant now) {
    AgentState known = registry.foundBefore.isPresent() ? this : foundInRegistry(seen);
    if (seen.draining() && !isDraining()) {
      return known.withDrain(DrainState.begun(now, true));
    }
    return drain.canceledBy(seen) ? known.withDrain(DrainState.NONE) : known;
  }

  /** The registry has been asked for the first time, before anything was written. */
  private AgentState foundInRegistry(Registrar.Registration seen) {
    boolean found = seen.registered() || seen.elsewhere().isPresent();
    AgentState asked =
        withRegistry(
            new RegistryState(
                registry.problem,
                registry.drainedSince,
                registry.wasOpen,
                Optional.of(found),
                registry.syncing,
                registry.syncDue,
                registry.end));
    return seen.registered() ? asked.withLife(life.mayHaveClients()) : asked;
  }

  AgentState syncRequested() {
    return registry.syncDue ? this : withSync(registry.syncing, true);
  }

  /**
   * Whether to synchronize now. Where a probe is to say what the server no longer, or not yet, says
   * itself, its result is waited for, though not long: nothing is known in between.
   */
  boolean canSync(Instant now) {
    boolean takesOver = latest.fromServer || latest.report.isEmpty();
    boolean awaitingProbe =
        probe.running
            && !probe.outdated
            && takesOver
            && !isDraining()
            && life.closedBecause().isEmpty()
            && now.isBefore(probe.begunAt.plus(PROBE_TIMEOUT));
    return registry.syncDue && !registry.syncing && registry.end.isEmpty() && !awaitingProbe;
  }

  AgentState syncBegun() {
    return withSync(true, false);
  }

  /**
   * A synchronization has ended.
   *
   * @param wasOpen whether a health other than critical has been written yet
   * @param deregistered whether it has deregistered the server
   */
  AgentState syncSucceeded(boolean wasOpen, boolean deregistered) {
    return withClients(wasOpen)
        .withRegistry(
            new RegistryState(
                Optional.empty(),
                Optional.empty(),
                registry.wasOpen || wasOpen,
                registry.foundBefore,
                false,
                registry.syncDue,
                deregistered ? Optional.of(AgentEnd.DEREGISTERED) : Optional.empty()));
  }

  /**
   * A synchronization has failed. A drain that is over must not wait for a registry that does not
   * answer: the machine may be about to go down. The entry left behind turns critical with its time
   * to live.
   */
  AgentState syncFailed(String problem, boolean wasOpen, AgentConfig config, Instant now) {
    boolean over = progress(config, now).over();
    Optional<Instant> since =
        over ? registry.drainedSince.or(() -> Optional.of(now)) : Optional.empty();
    boolean abandon =
        over && (drain.hurried || !now.isBefore(since.orElse(now).plus(DEREGISTRATION_TIMEOUT)));
    return withClients(wasOpen)
        .withRegistry(
            new RegistryState(
                Optional.of(problem),
                since,
                registry.wasOpen || wasOpen,
                registry.foundBefore,
                false,
                registry.syncDue,
                abandon ? Optional.of(AgentEnd.NOT_DEREGISTERED) : Optional.empty()));
  }

  private AgentState withClients(boolean wasOpen) {
    return wasOpen ? withLife(life.mayHaveClients()) : this;
  }

  private AgentState withLife(ServerLife next) {
    return new AgentState(latest, pace, next, probe, drain, registry);
  }

  private AgentState withProbe(ProbeRun next) {
    return new AgentState(latest, pace, life, next, drain, registry);
  }

  private AgentState withDrain(DrainState next) {
    return new AgentState(latest, pace, life, probe, next, registry);
  }

  private AgentState withRegistry(RegistryState next) {
    return new AgentState(latest, pace, life, probe, drain, next);
  }

  private AgentState withSync(boolean syncing, boolean due) {
    return withRegistry(
        new RegistryState(
            registry.problem,
            registry.drainedSince,
            registry.wasOpen,
            registry.foundBefore,
            syncing,
            due,
            registry.end));
  }
}
