package io.bolina.agent;

import io.bolina.registry.Registrar;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the registry in step with an agent's state: knows what was written last, and writes what is
 * due. Of one thread; its requests may take seconds.
 */
final class RegistrySync {
  private static final Logger log = LoggerFactory.getLogger(RegistrySync.class);

  /** How often the load entry's session is renewed. */
  private static final Duration RENEWAL = Duration.ofSeconds(10);

  /** When, after a registration, to look for others at the same address. */
  private static final List<Duration> NEIGHBOR_LOOKS =
      List.of(
          Duration.ZERO, Duration.ofSeconds(20), Duration.ofSeconds(60), Duration.ofSeconds(120));

  private final AgentConfig config;
  private final Registrar registrar;
  private final Telemetry telemetry;
  private final Supplier<String> reportTo;

  /** As it is registered: with its incarnation. */
  private Server server;

  private int restarts;
  private boolean asked;
  private boolean registered;
  private boolean maintenanceWritten;
  private boolean wasOpen;
  private Optional<Health> writtenHealth = Optional.empty();
  private Instant healthWrittenAt = Instant.EPOCH;
  private Optional<LoadWritePolicy.WrittenLoad> writtenLoad = Optional.empty();
  private Instant renewedAt = Instant.EPOCH;
  private Optional<Contest> contest = Optional.empty();
  private Optional<Instant> takenSince = Optional.empty();
  private boolean goneWritten;
  private boolean aliveWritten;
  private Instant registeredAt = Instant.EPOCH;
  private int neighborLooks;
  private Optional<RuntimeException> failure = Optional.empty();

  /**
   * @param reportTo the URL for reports, for people
   */
  RegistrySync(
      AgentConfig config, Registrar registrar, Telemetry telemetry, Supplier<String> reportTo) {
    this.config = config;
    this.server = as(config.server(), UUID.randomUUID().toString());
    this.registrar = registrar;
    this.telemetry = telemetry;
    this.reportTo = reportTo;
  }

  private static Server as(Server server, String incarnation) {
    Map<String, String> metadata = new HashMap<>(server.metadata());
    metadata.put(Server.INCARNATION, incarnation);
    return new Server(
        server.id(), server.service(), server.address(), server.port(), server.zone(), metadata);
  }

  /**
   * What a synchronization came to.
   *
   * @param seen how the registry had the server at the beginning, if it answered
   * @param wasOpen whether a health other than critical has been written yet
   * @param deregistered whether the server is drained and deregistered
   * @param failure why it ended early: {@link RegistryWriteFailed}, or something unexpected
   */
  record SyncOutcome(
      Optional<Registrar.Registration> seen,
      boolean wasOpen,
      boolean deregistered,
      Optional<Throwable> failure) {}

  /** Writes what is due; what fails is due the next time. */
  SyncOutcome sync(AgentState state) {
    Optional<Registrar.Registration> seen = Optional.empty();
    failure = Optional.empty();
    try {
      Instant now = telemetry.clock().instant();
      Registrar.Registration registration = registrar.registration(server);
      seen = Optional.of(registration);
      if (registered && registration.elsewhere().isPresent()) {
        boolean over = taken(state, registration.elsewhere().get(), now);
        return new SyncOutcome(seen, wasOpen, over, failure.map(f -> f));
      }
      takenSince = Optional.empty();
      register(state, registration, now);
      decideContest(registration, now);
      boolean canceled = state.drain().canceledBy(registration);
      write(state, registration, canceled, now);
      removeLapsed(now);
      boolean deregistered = !canceled && deregisterIfDrained(state, now);
      return new SyncOutcome(seen, wasOpen, deregistered, failure.map(f -> f));
    } catch (RuntimeException | Error e) {
      // An Error too: whoever waits for the outcome must not wait forever.
      return new SyncOutcome(seen, wasOpen, false, Optional.of(e));
    }
  }

  /** Does what must not keep anything else from being done, and remembers that it failed. */
  private void attempt(Runnable write) {
    try {
      write.run();
    } catch (RegistryWriteFailed e) {
      failure = failure.or(() -> Optional.of(e));
    }
  }

  private void register(AgentState state, Registrar.Registration seen, Instant now) {
    if (!asked) {
      asked = true;
      if (!seen.incarnation().isEmpty()) {
        // An agent that was restarted: as far as is known the server is the one that it was.
        server = as(server, seen.incarnation());
      }
      contest = seen.elsewhere().map(old -> new Contest(old, now, 0));
    }
    boolean another = state.life().restarts() != restarts;
    if (another) {
      restarts = state.life().restarts();
      server = as(server, UUID.randomUUID().toString());
      aliveWritten = false;
    }
    boolean lost = registered && !seen.registered();
    if (registered && !lost && !another) {
      return;
    }
    registrar.register(server, config.timeToLive());
    if (!registered || lost) {
      log.atInfo()
          .addKeyValue("server", server.id())
          .addKeyValue("endpoint", server.endpoint())
          .log(lost ? "registration lost in registry; registered again" : "registered");
      renewedAt = Instant.EPOCH; // its load may be lost as well
      registeredAt = now;
      neighborLooks = 0;
    }
    registered = true;
    writtenHealth = Optional.empty();
    maintenanceWritten = seen.draining();
  }

  /**
   * Another agent has registered the id. What it writes must not be disturbed; it is told that this
   * server lives, unless it does not.
   *
   * @return whether this server is drained, so that the agent may end
   */
  private boolean taken(AgentState state, Server other, Instant now) {
    if (takenSince.isEmpty()) {
      takenSince = Optional.of(now);
    }
    if (state.progress(config, now).over()) {
      reportGone(state, now);
      return true;
    }
    if (!state.life().isOver() && now.isBefore(takenSince.get().plus(Contest.CLAIM_FOR))) {
      registrar.claim(server);
    }
    warnOfDuplicate(other);
    return false;
  }

  private void decideContest(Registrar.Registration seen, Instant now) {
    if (contest.isEmpty()) {
      return;
    }
    Contest open = contest.get();
    switch (open.outcome(seen, server, now)) {
      case OPEN -> contest = Optional.of(open.lookedAgain());
      case CLAIMED -> {
        if (open.looks() == 0) {
          contest = Optional.of(open.lookedAgain()); // seen before it was registered
          return;
        }
        warnOfDuplicate(open.old());
        contest = Optional.empty();
      }
      case MOVED -> {
        String reason = "registered anew at " + server.endpoint();
        registrar.gone(open.old(), GoneReport.of(open.old(), "agent", now, reason));
        aliveWritten = true; // the entry is about the old one
        log.atInfo()
            .addKeyValue("server", server.id())
            .addKeyValue("endpoint", server.endpoint())
            .addKeyValue("goneAt", open.old().endpoint())
            .log("server has moved; its old address is reported gone");
        contest = Optional.empty();
      }
    }
  }

  private void warnOfDuplicate(Server other) {
    telemetry
        .warnings()
        .warn("duplicate-server-id", server.id())
        .addKeyValue("server", server.id())
        .addKeyValue("endpoint", server.endpoint())
        .addKeyValue("registeredAt", other.endpoint())
        .log("server id is registered at another address; the last agent to start has it");
  }

  private void write(
      AgentState state, Registrar.Registration seen, boolean drainCanceled, Instant now) {
    ServerHealth health = state.health(config, reportTo.get(), now);
    // What was not renewed in time is critical by now, whatever was written.
    boolean expired = !now.isBefore(healthWrittenAt.plus(config.timeToLive()));
    Health written = expired ? Health.CRITICAL : writtenHealth.orElse(Health.CRITICAL);
    for (RegistryWrite next :
        RegistryWrite.inOrder(written, health.health(), state.isOverloaded(config))) {
      switch (next) {
        case MAINTENANCE -> writeMaintenance(state, seen, drainCanceled);
        case HEALTH -> writeHealth(health, now);
        case GONE -> attempt(() -> writeGone(state, now));
        case ALIVE -> attempt(() -> writeAlive(state));
        case LOAD -> writeLoad(state, expired, now);
      }
    }
  }

  private void writeMaintenance(
      AgentState state, Registrar.Registration registration, boolean drainCanceled) {
    boolean draining = state.isDraining() && !drainCanceled;
    if (!draining) {
      maintenanceWritten = registration.draining();
    } else if (!maintenanceWritten) {
      registrar.draining(server, true, "draining");
      maintenanceWritten = true;
    }
  }

  private void writeHealth(ServerHealth health, Instant now) {
    boolean changed = !writtenHealth.equals(Optional.of(health.health()));
    boolean due = !now.isBefore(healthWrittenAt.plus(config.timeToLive().dividedBy(3)));
    if (!changed && !due) {
      return;
    }
    if (!registrar.health(server, health.health(), health.reason())) {
      // Lost since the registry was asked a moment ago; the next time it is registered again.
      return;
    }
    count("health");
    wasOpen |= health.health() != Health.CRITICAL;
    if (changed) {
      log.atInfo()
          .addKeyValue("server", server.id())
          .addKeyValue("health", health.health().name().toLowerCase(Locale.ROOT))
          .addKeyValue("reason", health.reason())
          .log("health changed");
    }
    writtenHealth = Optional.of(health.health());
    healthWrittenAt = now;
  }

  private void writeGone(AgentState state, Instant now) {
    if (state.life().gone().isPresent() && !goneWritten) {
      reportGone(state, now);
    }
  }

  /** Says that the server has ended: it was seen to, or it is about to. */
  private void reportGone(AgentState state, Instant now) {
    Optional<ServerLife.End> end = state.life().gone();
    String reason =
        end.map(ServerLife.End::reason)
            .orElseGet(() -> "drained: " + state.progress(config, now).waitsFor());
    Instant since = end.map(ServerLife.End::since).orElse(now);
    registrar.gone(server, GoneReport.of(server, "agent", since, reason));
    goneWritten = true;
    count("gone");
    log.atInfo()
        .addKeyValue("server", server.id())
        .addKeyValue("reason", reason)
        .log("server is gone; its clients are given another");
  }

  /** Takes back what was said of its end, by this agent or by one before it. */
  private void writeAlive(AgentState state) {
    if (state.life().isOver() || !state.isAliveForCertain() || (aliveWritten && !goneWritten)) {
      return;
    }
    if (contest.isPresent()) {
      return; // who lives at the old address, if anybody, is not known yet
    }
    registrar.alive(server);
    if (goneWritten) {
      log.atInfo().addKeyValue("server", server.id()).log("server is back");
    }
    goneWritten = false;
    aliveWritten = true;
  }

  private void writeLoad(AgentState state, boolean lapsed, Instant now) {
    Optional<LoadReport> load = state.load();
    if (load.isEmpty()) {
      return;
    }
    if (writtenLoad.isPresent() && (lapsed || !now.isBefore(renewedAt.plus(RENEWAL)))) {
      renewedAt = now;
      if (!registrar.keepLoad(server)) {
        writtenLoad = Optional.empty();
      }
    }
    if (config.loadWrites().worthWriting(writtenLoad, load.get(), now)) {
      registrar.load(server, load.get());
      count("load");
      writtenLoad = Optional.of(new LoadWritePolicy.WrittenLoad(load.get(), now));
    }
  }

  /**
   * Takes registrations of other ids at this server's address and port away, if nobody reports for
   * them: they are of servers that were there before, and would close this one.
   */
  private void removeLapsed(Instant now) {
    if (neighborLooks >= NEIGHBOR_LOOKS.size()
        || now.isBefore(registeredAt.plus(NEIGHBOR_LOOKS.get(neighborLooks)))) {
      return;
    }
    neighborLooks++;
    try {
      registrar.sharing(server).forEach(this::removeIfLapsed);
    } catch (RegistryWriteFailed e) {
      // The server itself is registered and reported for.
      telemetry
          .warnings()
          .warn("lapsed-registration", server.id())
          .addKeyValue("server", server.id())
          .addKeyValue("endpoint", server.endpoint())
          .addKeyValue("reason", e.getMessage())
          .log("cannot remove registrations of other servers at this address");
    }
  }

  private void removeIfLapsed(Registrar.OtherRegistration other) {
    if (other.lapsed()) {
      registrar.remove(other);
      log.atWarn()
          .addKeyValue("server", server.id())
          .addKeyValue("endpoint", server.endpoint())
          .addKeyValue("removed", other.server().id())
          .addKeyValue("node", other.node())
          .log("registration of another server at this address removed; nobody reports for it");
    } else {
      telemetry
          .warnings()
          .warn("shared-endpoint", server.id())
          .addKeyValue("server", server.id())
          .addKeyValue("endpoint", server.endpoint())
          .addKeyValue("other", other.server().id())
          .addKeyValue("node", other.node())
          .log("another server is registered at this address, and reported for");
    }
  }

  private boolean deregisterIfDrained(AgentState state, Instant now) {
    if (!state.progress(config, now).over()) {
      return false;
    }
    if (!goneWritten) {
      // On purpose: its endpoint is not to be kept for the case of a mistake.
      try {
        reportGone(state, now);
      } catch (RegistryWriteFailed e) {
        log.atWarn()
            .addKeyValue("server", server.id())
            .addKeyValue("reason", e.getMessage())
            .log("cannot report drained server gone; its clients are kept for the linger time");
      }
    }
    registrar.deregister(server);
    return true;
  }

  private void count(String kind) {
    telemetry.meters().counter("bolina.agent.registry.writes", "kind", kind).increment();
  }
}
