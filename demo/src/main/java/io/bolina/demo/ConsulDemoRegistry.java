package io.bolina.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.agent.Agent;
import io.bolina.agent.AgentConfig;
import io.bolina.registry.Registrar;
import io.bolina.registry.Registry;
import io.bolina.registry.ServerToken;
import io.bolina.registry.consul.ConsulRegistrar;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.consul.ConsulFront;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The demo's registry on a Consul of the user's, to which a real agent beside each server reports.
 * It keeps to a service of its own, and to fail the registry it cuts the control plane's
 * connection; the Consul itself is never touched.
 */
final class ConsulDemoRegistry implements DemoRegistry {
  private static final String SERVICE = "bolina-demo";

  /**
   * An instance id is unique on a Consul agent, whatever the service: none of the user's is taken.
   */
  static final String PREFIX = "demo-";

  private static final JsonMapper JSON = new JsonMapper();

  private final Optional<String> aclToken =
      Optional.ofNullable(System.getenv("CONSUL_HTTP_TOKEN")).filter(t -> !t.isBlank());
  private final ConsulApi api;
  private final ConsulFront front;
  private final Map<String, ServerAgent> agents = new ConcurrentHashMap<>();

  /** The agent of one server, and what the server last reported to it. */
  private static final class ServerAgent implements AutoCloseable {
    private final Server server;
    private final Registrar registrar;
    private final Agent agent;
    private Health health = Health.PASSING;
    private String note = "";
    private double load;
    private long sessions;

    private ServerAgent(Server server, Registrar registrar, Agent agent) {
      this.server = server;
      this.registrar = registrar;
      this.agent = agent;
    }

    /** As a server does: over HTTP. */
    private synchronized void report() throws IOException {
      String status =
          JSON.createObjectNode()
              .put("health", health.name().toLowerCase(Locale.ROOT))
              .put("note", note)
              .put("load", load)
              .put("sessions", sessions)
              .toString();
      try {
        AdminAnswer answer =
            new AdminClient("agent", URI.create("http://127.0.0.1:" + agent.port()), "demo")
                .ask("PUT", "/v1/status", status);
        if (answer.statusCode() != 200) {
          throw new IOException("the agent answered " + answer.statusCode() + ": " + answer.body());
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted", e);
      }
    }

    /** Ends the agent and takes everything of it out of Consul. */
    @Override
    public void close() {
      agent.close();
      registrar.deregister(server);
      registrar.close();
    }
  }

  /**
   * @throws IOException if there is no Consul at the URL
   */
  ConsulDemoRegistry(URI url) throws IOException {
    this.api = new ConsulApi(url, aclToken);
    try {
      removeAll();
    } catch (IOException | IllegalArgumentException e) {
      throw new IOException(
          "no usable Consul agent at "
              + url
              + " (--consul): "
              + e
              + "; is the URL right, and running?",
          e);
    }
    this.front = new ConsulFront(url);
  }

  @Override
  public String name() {
    return "Consul at " + api.url() + " with an agent for each";
  }

  @Override
  public String service() {
    return SERVICE;
  }

  @Override
  public Registry open() {
    return new ConsulRegistry(
        ConsulSettings.at(front.url()).withToken(aclToken),
        FleetSettings.DEFAULTS,
        Telemetry.create());
  }

  @Override
  public void register(String id, InetSocketAddress address, String token) throws IOException {
    Registrar registrar = new ConsulRegistrar(ConsulSettings.at(api.url()).withToken(aclToken));
    Server server =
        new Server(
            PREFIX + id,
            SERVICE,
            address.getHostString(),
            address.getPort(),
            "",
            Map.of(ServerToken.METADATA, token));
    Agent agent =
        Agent.start(
            AgentConfig.of(server)
                .withListen("127.0.0.1", 0)
                .withLoadWrites(0.05, Duration.ofSeconds(1)),
            registrar,
            Telemetry.create(Clock.systemUTC()));
    agents.put(id, new ServerAgent(server, registrar, agent));
  }

  /** A wrong deregistration: the server runs, but its agent is gone and so is its entry. */
  @Override
  public void deregister(String id) {
    agents.remove(id).close();
  }

  @Override
  public void health(String id, Health health, String output) throws IOException {
    ServerAgent agent = agents.get(id);
    synchronized (agent) {
      agent.health = health;
      agent.note = output;
    }
    agent.report();
  }

  @Override
  public void draining(String id, boolean draining) throws IOException {
    api.maintenance(PREFIX + id, draining);
  }

  @Override
  public void load(String id, double load, long sessions) throws IOException {
    ServerAgent agent = agents.get(id);
    if (agent == null) {
      return; // nobody to report to
    }
    synchronized (agent) {
      agent.load = load;
      agent.sessions = sessions;
    }
    agent.report();
  }

  @Override
  public void shields(boolean up) throws IOException {
    api.put("/v1/kv/bolina/gate/" + SERVICE + "/shields", up ? "up" : "down");
  }

  @Override
  public void cutOff() {
    front.fail(ConsulFront.Fault.CUT_OFF);
  }

  @Override
  public void reconnect() {
    front.recover();
  }

  @Override
  public void close() throws IOException {
    agents.values().forEach(ServerAgent::close);
    front.close();
    removeAll();
  }

  /** Also what an earlier demo that was killed has left. */
  private void removeAll() throws IOException {
    for (JsonNode service : api.get("/v1/agent/services")) {
      if (service.path("Service").asText().equals(SERVICE)) {
        api.deregister(service.path("ID").asText());
      }
    }
    api.deleteKey("bolina/load/" + SERVICE + "/");
    api.deleteKey("bolina/gate/" + SERVICE + "/");
  }
}
