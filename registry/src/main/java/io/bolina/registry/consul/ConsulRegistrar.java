package io.bolina.registry.consul;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.orbitz.consul.Consul;
import com.orbitz.consul.ConsulException;
import com.orbitz.consul.NotRegisteredException;
import com.orbitz.consul.model.State;
import com.orbitz.consul.model.agent.ImmutableRegCheck;
import com.orbitz.consul.model.agent.ImmutableRegistration;
import com.orbitz.consul.model.catalog.ImmutableCatalogDeregistration;
import com.orbitz.consul.model.session.ImmutableSession;
import io.bolina.registry.Registrar;
import io.bolina.registry.consul.AgentLists.ListedCheck;
import io.bolina.registry.consul.AgentLists.ListedService;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.IpAddress;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.ArrayList;
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
          Optional<ListedService> found =
              services().stream().filter(s -> s.id().equals(server.id())).findFirst();
          if (found.isEmpty()) {
            return Registration.of(false, false);
          }
          ListedService service = found.get();
          boolean here = isAt(server, service);
          List<ListedCheck> checks = checks();
          String output = check(checks, checkOf(server)).map(ListedCheck::output).orElse("");
          return new Registration(
              here,
              check(checks, "_service_maintenance:" + server.id()).isPresent(),
              here ? service.meta().getOrDefault(Server.INCARNATION, "") : "",
              output.startsWith(CLAIM) ? output.substring(CLAIM.length()).strip() : "",
              here ? Optional.empty() : other(service));
        });
  }

  private List<ListedService> services() {
    return requests.map("v1/agent/services", AgentLists::ofAgent);
  }

  private List<ListedCheck> checks() {
    return requests.map("v1/agent/checks", AgentLists::checks);
  }

  private static Optional<ListedCheck> check(List<ListedCheck> checks, String id) {
    return checks.stream().filter(check -> check.id().equals(id)).findFirst();
  }

  private static boolean isAt(Server server, ListedService service) {
    return IpAddress.canonical(service.address()).equals(server.address())
        && service.port() == server.port();
  }

  private static Optional<Server> other(ListedService service) {
    try {
      return Optional.of(
          new Server(
              service.id(),
              service.service(),
              service.address(),
              service.port(),
              "",
              service.meta()));
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
          Optional<ListedCheck> check = check(checks(), checkOf(server));
          if (check.isEmpty()) {
            return false;
          }
          try {
            consul
                .agentClient()
                .check(
                    checkOf(server),
                    State.fromName(check.get().status()),
                    CLAIM + server.endpoint());
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
          List<ListedCheck> checks = checks();
          for (ListedService service : services()) {
            if (service.service().equals(server.service()) && isAt(server, service)) {
              ofThisAgent.add(service.id());
              add(found, server, service, checks);
            }
          }
          for (ListedService service : inCatalog(server)) {
            if (!ofThisAgent.contains(service.id()) && isAt(server, service)) {
              add(found, server, service, checksOn(service.node()));
            }
          }
          found.removeIf(other -> other.server().id().equals(server.id()));
          return List.copyOf(found);
        });
  }

  private static void add(
      List<OtherRegistration> found,
      Server server,
      ListedService service,
      List<ListedCheck> checks) {
    if (Server.isId(service.id())) {
      found.add(
          new OtherRegistration(
              otherId(server, service.id()), service.node(), hasLapsed(service.id(), checks)));
    }
  }

  /** Only what is at the address: a fleet may be large. */
  private List<ListedService> inCatalog(Server server) {
    return requests.list(
        "v1/catalog/service/" + server.service(),
        Map.of(
            "stale",
            "",
            "filter",
            "ServiceAddress == \"%s\" and ServicePort == %d"
                .formatted(server.address(), server.port())),
        AgentLists::ofCatalog);
  }

  private List<ListedCheck> checksOn(String node) {
    return requests.list("v1/health/node/" + node, Map.of(), AgentLists::checks);
  }

  private static Server otherId(Server server, String id) {
    return new Server(id, server.service(), server.address(), server.port(), "", Map.of());
  }

  /**
   * Whether nobody reports for a server any more: its time to live is over and nothing else says
   * that it is well, or its machine is lost. One that is critical by its own word is reported for.
   */
  private static boolean hasLapsed(String id, List<ListedCheck> checks) {
    boolean expired = false;
    boolean well = false;
    for (ListedCheck check : checks) {
      if (check.id().equals("serfHealth") && check.isCritical()) {
        return true;
      }
      if (check.serviceId().equals(id)) {
        expired |= check.isCritical() && check.output().startsWith(EXPIRED);
        well |= !check.isCritical();
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
    requests.close();
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
