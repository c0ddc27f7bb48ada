package io.bolina.agent;

import io.bolina.registry.Registrar;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
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

  private final AgentConfig config;
  private final Server server;
  private final Registrar registrar;
  private final Telemetry telemetry;
  private final Supplier<String> reportTo;

  private boolean registered;
  private boolean maintenanceWritten;
  private boolean wasOpen;
  private Optional<Health> writtenHealth = Optional.empty();
  private Instant healthWrittenAt = Instant.EPOCH;
  private Optional<LoadWritePolicy.WrittenLoad> writtenLoad = Optional.empty();
  private Instant renewedAt = Instant.EPOCH;

  /**
   * @param reportTo the URL for reports, for people
   */
  RegistrySync(
      AgentConfig config, Registrar registrar, Telemetry telemetry, Supplier<String> reportTo) {
    this.config = config;
    this.server = config.server();
    this.registrar = registrar;
    this.telemetry = telemetry;
    this.reportTo = reportTo;
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
    try {
      Instant now = telemetry.clock().instant();
      Registrar.Registration registration = registrar.registration(server);
      seen = Optional.of(registration);
      register(registration);
      boolean canceled = state.drain().canceledBy(registration);
      writeMaintenance(state, registration, canceled);
      writeHealth(state, now);
      writeLoad(state, now);
      boolean deregistered = !canceled && deregisterIfDrained(state, now);
      return new SyncOutcome(seen, wasOpen, deregistered, Optional.empty());
    } catch (RuntimeException | Error e) {
      // An Error too: whoever waits for the outcome must not wait forever.
      return new SyncOutcome(seen, wasOpen, false, Optional.of(e));
    }
  }

  private void register(Registrar.Registration registration) {
    if (!registration.elsewhere().isEmpty()) {
      telemetry
          .warnings()
          .warn("duplicate-server-id", server.id())
          .addKeyValue("server", server.id())
          .addKeyValue("endpoint", server.endpoint())
          .addKeyValue("registeredAt", registration.elsewhere())
          .log("server id is registered at another address; the last agent to start has it");
    }
    boolean lost = registered && !registration.registered() && registration.elsewhere().isEmpty();
    if (registered && !lost) {
      return;
    }
    registrar.register(server, config.timeToLive());
    log.atInfo()
        .addKeyValue("server", server.id())
        .addKeyValue("endpoint", server.endpoint())
        .log(lost ? "registration lost in registry; registered again" : "registered");
    registered = true;
    writtenHealth = Optional.empty();
    maintenanceWritten = registration.draining();
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

  private void writeHealth(AgentState state, Instant now) {
    ServerHealth health = state.health(config, reportTo.get(), now);
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

  private void writeLoad(AgentState state, Instant now) {
    Optional<LoadReport> load = state.load();
    if (load.isEmpty()) {
      return;
    }
    if (writtenLoad.isPresent() && !now.isBefore(renewedAt.plus(RENEWAL))) {
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

  private boolean deregisterIfDrained(AgentState state, Instant now) {
    if (!state.progress(config.drain(), now).over()) {
      return false;
    }
    registrar.deregister(server);
    return true;
  }

  private void count(String kind) {
    telemetry.meters().counter("bolina.agent.registry.writes", "kind", kind).increment();
  }
}
