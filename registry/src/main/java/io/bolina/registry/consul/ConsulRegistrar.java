package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import com.orbitz.consul.NotRegisteredException;
import com.orbitz.consul.model.State;
import com.orbitz.consul.model.agent.ImmutableRegCheck;
import com.orbitz.consul.model.agent.ImmutableRegistration;
import com.orbitz.consul.model.session.ImmutableSession;
import io.bolina.registry.Registrar;
import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Registers servers at their local Consul agent, by docs/consul-contract.md.
 *
 * <p>The load entry is bound to a Consul session of this registrar's own, so that it disappears
 * when the agent dies. The session has no lock delay, so that a new one can take the entry over at
 * once, and is not tied to the server's own check, or the entry would vanish just when the server
 * turns critical.
 */
public final class ConsulRegistrar implements Registrar {
  /** Consul invalidates a session between one and two times this after its last renewal. */
  private static final Duration SESSION = Duration.ofSeconds(30);

  /** What is said of a server's end outlives its agent for one to two times this. */
  private static final Duration GONE_SESSION = Duration.ofHours(1);

  private static final JsonMapper JSON = new JsonMapper();

  private final Consul consul;
  private final ConsulRequests requests;
  private Optional<String> session = Optional.empty();

  public ConsulRegistrar(ConsulSettings settings) {
    this.requests = new ConsulRequests(settings);
    this.consul = requests.consul();
  }

  @Override
  public void register(Server server, Duration timeToLive) {
    Map<String, String> meta = new HashMap<>(server.metadata());
    if (!server.zone().isEmpty()) {
      meta.put("zone", server.zone());
    }
    var registration =
        ImmutableRegistration.builder()
            .id(server.id())
            .name(server.service())
            .address(server.address())
            .port(server.port())
            .meta(meta)
            .check(
                ImmutableRegCheck.builder()
                    .id(checkOf(server))
                    .name("Bolina agent")
                    .ttl(timeToLive.toSeconds() + "s")
                    .build())
            .build();
    requests.make(
        "register '" + server.id() + "'",
        "service:write on '" + server.service() + "'",
        () -> {
          consul.agentClient().register(registration);
          return true;
        });
  }

  @Override
  public boolean health(Server server, Health health, String note) {
    State state =
        switch (health) {
          case PASSING -> State.PASS;
          case WARNING -> State.WARN;
          case CRITICAL -> State.FAIL;
        };
    return requests.make(
        "report the health of '" + server.id() + "'",
        "service:write on '" + server.service() + "'",
        () -> {
          try {
            consul.agentClient().check(checkOf(server), state, note);
            return true;
          } catch (NotRegisteredException e) {
            return false;
          }
        });
  }

  @Override
  public void load(Server server, LoadReport load) {
    ObjectNode entry = JSON.createObjectNode();
    load.metrics().forEach(entry::put);
    entry.put("load", load.load());
    load.sessions().ifPresent(sessions -> entry.put("sessions", sessions));
    String key = LoadReader.prefix(server.service()) + server.id();
    boolean written = put(server, key, entry.toString());
    if (!written) {
      // The entry belongs to another session: to that of an agent that died or was restarted, whose
      // session has not expired yet.
      requests.make(
          "take over " + key,
          "key:write on '" + key + "'",
          () -> {
            consul.keyValueClient().deleteKey(key);
            return true;
          });
      put(server, key, entry.toString());
    }
  }

  private boolean put(Server server, String key, String entry) {
    String id = session.orElseGet(() -> openSession(server));
    return requests.make(
        "write " + key,
        "key:write on '" + key + "'",
        () -> {
          try {
            return consul.keyValueClient().acquireLock(key, entry, id);
          } catch (ConsulException e) {
            session = Optional.empty(); // "invalid session": the next call opens a new one
            throw e;
          }
        });
  }

  @Override
  public boolean keepLoad(Server server) {
    if (session.isEmpty()) {
      return false;
    }
    String id = session.get();
    boolean alive =
        requests.make(
            "renew the session of '" + server.id() + "'",
            "session:write on this node",
            () -> {
              try {
                return consul.sessionClient().renewSession(id).isPresent();
              } catch (ConsulException e) {
                if (e.getCode() == 404) {
                  return false;
                }
                throw e;
              }
            });
    if (!alive) {
      session = Optional.empty();
    }
    return alive;
  }

  @Override
  public void draining(Server server, boolean draining, String reason) {
    requests.make(
        "set maintenance of '" + server.id() + "' " + (draining ? "on" : "off"),
        "service:write on '" + server.service() + "'",
        () -> {
          consul.agentClient().toggleMaintenanceMode(server.id(), draining, reason);
          return true;
        });
  }

  @Override
  public Registration registration(Server server) {
    return requests.make(
        "look for '" + server.id() + "'",
        "service:read on '" + server.service() + "'",
        () -> {
          var service = consul.agentClient().getServices().get(server.id());
          if (service == null) {
            return new Registration(false, false, "");
          }
          boolean here =
              service.getAddress().equals(server.address()) && service.getPort() == server.port();
          boolean draining =
              consul.agentClient().getChecks().containsKey("_service_maintenance:" + server.id());
          return new Registration(
              here,
              draining,
              here ? "" : new Endpoint(service.getAddress(), service.getPort()).toString());
        });
  }

  @Override
  public void deregister(Server server) {
    String key = LoadReader.prefix(server.service()) + server.id();
    requests.make(
        "deregister '" + server.id() + "'",
        "service:write on '" + server.service() + "' and key:write on '" + key + "'",
        () -> {
          consul.agentClient().deregister(server.id());
          consul.keyValueClient().deleteKey(key);
          session.ifPresent(id -> consul.sessionClient().destroySession(id));
          session = Optional.empty();
          return true;
        });
  }

  @Override
  public void gone(Server server, GoneReport report) {
    String key = GoneReportReader.prefix(server.service()) + server.id();
    // Never renewed: nobody is left to remove the entry of a server that does not come back.
    String id = openSession(server, GONE_SESSION);
    requests.make(
        "report '" + server.id() + "' gone",
        "key:write on '" + key + "'",
        () -> {
          consul.keyValueClient().deleteKey(key); // an earlier report is held by another session
          if (!consul.keyValueClient().acquireLock(key, GoneReportReader.write(report), id)) {
            throw new ConsulException("Consul did not write " + key);
          }
          return true;
        });
  }

  @Override
  public void alive(Server server) {
    String key = GoneReportReader.prefix(server.service()) + server.id();
    requests.make(
        "withdraw the report that '" + server.id() + "' is gone",
        "key:write on '" + key + "'",
        () -> {
          consul.keyValueClient().deleteKey(key);
          return true;
        });
  }

  @Override
  public void close() {
    consul.destroy();
  }

  private String openSession(Server server) {
    String id = openSession(server, SESSION);
    session = Optional.of(id);
    return id;
  }

  private String openSession(Server server, Duration timeToLive) {
    return requests.make(
        "open a session for '" + server.id() + "'",
        "session:write on this node",
        () ->
            consul
                .sessionClient()
                .createSession(
                    ImmutableSession.builder()
                        .name("bolina-agent " + server.id())
                        .ttl(timeToLive.toSeconds() + "s")
                        .behavior("delete")
                        .lockDelay("0s")
                        .build())
                .getId());
  }

  private static String checkOf(Server server) {
    return "service:" + server.id();
  }
}
