package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import com.orbitz.consul.NotRegisteredException;
import com.orbitz.consul.model.State;
import com.orbitz.consul.model.agent.ImmutableRegCheck;
import com.orbitz.consul.model.agent.ImmutableRegistration;
import com.orbitz.consul.model.catalog.CatalogService;
import com.orbitz.consul.model.catalog.ImmutableCatalogDeregistration;
import com.orbitz.consul.model.health.HealthCheck;
import com.orbitz.consul.model.health.Service;
import com.orbitz.consul.model.session.ImmutableSession;
import com.orbitz.consul.option.ConsistencyMode;
import com.orbitz.consul.option.ImmutableQueryOptions;
import io.bolina.registry.Registrar;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.IpAddress;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

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

  /** Begins the output of a check to which another agent has written. */
  private static final String CLAIM = "a server of this id lives at ";

  /** Begins what Consul makes the output of a check whose time to live is over. */
  private static final String EXPIRED = "TTL expired";

  private static final JsonMapper JSON = new JsonMapper();

  private final Consul consul;
  private final ConsulRequests requests;
  private Optional<String> session = Optional.empty();
  private Optional<String> goneSession = Optional.empty();

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
          Service service = consul.agentClient().getServices().get(server.id());
          if (service == null) {
            return Registration.of(false, false);
          }
          boolean here = isAt(server, service.getAddress(), service.getPort());
          var checks = consul.agentClient().getChecks();
          String output =
              Optional.ofNullable(checks.get(checkOf(server)))
                  .flatMap(HealthCheck::getOutput)
                  .orElse("");
          return new Registration(
              here,
              checks.containsKey("_service_maintenance:" + server.id()),
              here ? service.getMeta().getOrDefault(Server.INCARNATION, "") : "",
              output.startsWith(CLAIM) ? output.substring(CLAIM.length()).strip() : "",
              here ? Optional.empty() : other(service));
        });
  }

  private static boolean isAt(Server server, String address, int port) {
    return IpAddress.canonical(address).equals(server.address()) && port == server.port();
  }

  private static Optional<Server> other(Service service) {
    try {
      return Optional.of(
          new Server(
              service.getId(),
              service.getService(),
              service.getAddress(),
              service.getPort(),
              "",
              service.getMeta()));
    } catch (IllegalArgumentException e) {
      return Optional.empty(); // never served to anybody: it cannot be sent to
    }
  }

  @Override
  public void claim(Server server) {
    requests.make(
        "claim '" + server.id() + "'",
        "service:write on '" + server.service() + "'",
        () -> {
          HealthCheck check = consul.agentClient().getChecks().get(checkOf(server));
          if (check == null) {
            return false;
          }
          try {
            consul
                .agentClient()
                .check(
                    checkOf(server), State.fromName(check.getStatus()), CLAIM + server.endpoint());
            return true;
          } catch (NotRegisteredException e) {
            return false;
          }
        });
  }

  @Override
  public List<OtherRegistration> sharing(Server server) {
    return requests.make(
        "look for other servers at " + server.endpoint(),
        "service:read on '" + server.service() + "' and node:read",
        () -> {
          List<OtherRegistration> found = new ArrayList<>();
          Set<String> ofThisAgent = new HashSet<>();
          var checks = consul.agentClient().getChecks().values();
          for (Service service : consul.agentClient().getServices().values()) {
            if (service.getService().equals(server.service())
                && isAt(server, service.getAddress(), service.getPort())) {
              ofThisAgent.add(service.getId());
              found.add(
                  new OtherRegistration(
                      otherId(server, service.getId()), "", hasLapsed(service.getId(), checks)));
            }
          }
          for (CatalogService service : inCatalog(server)) {
            if (!ofThisAgent.contains(service.getServiceId())
                && isAt(server, service.getServiceAddress(), service.getServicePort())) {
              found.add(
                  new OtherRegistration(
                      otherId(server, service.getServiceId()),
                      service.getNode(),
                      hasLapsed(service.getServiceId(), checksOn(service.getNode()))));
            }
          }
          found.removeIf(other -> other.server().id().equals(server.id()));
          return List.copyOf(found);
        });
  }

  /** Only what is at the address: a fleet may be large. */
  private List<CatalogService> inCatalog(Server server) {
    return consul
        .catalogClient()
        .getService(
            server.service(),
            ImmutableQueryOptions.builder()
                .consistencyMode(ConsistencyMode.STALE)
                .filter(
                    "ServiceAddress == \"%s\" and ServicePort == %d"
                        .formatted(server.address(), server.port()))
                .build())
        .getResponse();
  }

  private Collection<HealthCheck> checksOn(String node) {
    return consul.healthClient().getNodeChecks(node).getResponse();
  }

  private static Server otherId(Server server, String id) {
    return new Server(id, server.service(), server.address(), server.port(), "", Map.of());
  }

  /**
   * Whether nobody reports for a server any more: its time to live is over and nothing else says
   * that it is well, or its machine is lost. One that is critical by its own word is reported for.
   */
  private static boolean hasLapsed(String id, Collection<HealthCheck> checks) {
    boolean expired = false;
    boolean well = false;
    for (HealthCheck check : checks) {
      boolean critical = State.fromName(check.getStatus()) == State.FAIL;
      if (check.getCheckId().equals("serfHealth") && critical) {
        return true;
      }
      if (check.getServiceId().equals(Optional.of(id))) {
        expired |= critical && check.getOutput().orElse("").startsWith(EXPIRED);
        well |= !critical;
      }
    }
    return expired && !well;
  }

  @Override
  public void remove(OtherRegistration lapsed) {
    String id = lapsed.server().id();
    requests.make(
        "deregister '" + id + "'",
        "service:write on '" + lapsed.server().service() + "'",
        () -> {
          if (lapsed.node().isEmpty()) {
            consul.agentClient().deregister(id);
          } else {
            consul
                .catalogClient()
                .deregister(
                    ImmutableCatalogDeregistration.builder()
                        .node(lapsed.node())
                        .serviceId(id)
                        .build());
          }
          return true;
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
    // Never renewed: nobody is left to remove the entry of a server that does not come back. Kept
    // for another try, or a right that is missing would cost a session each time.
    String id = goneSession.orElseGet(() -> openSession(server, GONE_SESSION));
    goneSession = Optional.of(id);
    requests.make(
        "report '" + server.id() + "' gone",
        "key:write on '" + key + "'",
        () -> {
          consul.keyValueClient().deleteKey(key); // an earlier report is held by another session
          try {
            if (!consul.keyValueClient().acquireLock(key, GoneReportReader.write(report), id)) {
              throw new ConsulException("Consul did not write " + key);
            }
          } catch (ConsulException e) {
            if (e.getCode() == 500) {
              goneSession = Optional.empty(); // "invalid session": it has expired
            }
            throw e;
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
          goneSession.ifPresent(id -> consul.sessionClient().destroySession(id));
          goneSession = Optional.empty();
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
