package io.bolina.demo;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.Registry;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.Flood;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.process.Waiting;
import io.bolina.sandbox.server.StandInServer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Timer;
import java.util.TimerTask;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What the demo runs: servers that report, a registry, a control plane, an Envoy, clients. */
final class DemoEnvironment implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DemoEnvironment.class);
  private static final Duration LONGEST = Waiting.LONG;
  private static final double USUAL_LOAD = 0.3;

  /** What the simulated clients send begins with "bolina " and is short. */
  private static final String RULES =
      """
      %s:
        size: {min: 10, max: 40}
        patterns:
        - {name: word, offset: 0, text: "bolina "}
        source-sessions: 20/s
      """;

  private final DemoRegistry registry;
  private final Path directory;
  private final DemoView view;
  private final int size;
  private final Protocol protocol;
  private final HostPort front;
  private final Map<String, StandInServer> servers = new LinkedHashMap<>();
  private final Map<String, Double> loads = new LinkedHashMap<>();
  private final Clients clients;
  private final Timer reporting = new Timer("demo-reports", true);
  private final Timer showing = new Timer("demo-frames", true);
  private HostPort xds = HostPort.parse("127.0.0.1:0");
  private Registry opened;
  private Path program;
  private RealEnvoy envoy;
  private volatile TokenEdge tokenEdge;
  private volatile ControlPlane plane;
  private volatile JsonNode fleet;

  DemoEnvironment(DemoRegistry registry, Path directory, DemoView view, int size, Protocol protocol)
      throws IOException {
    this.registry = registry;
    this.directory = directory;
    this.view = view;
    this.size = size;
    this.protocol = protocol;
    this.front = new HostPort("127.0.0.1", FreePort.udp());
    this.clients = new Clients(front.socketAddress());
  }

  /** Starts everything and prints what. */
  void start() throws IOException {
    Optional<Path> onPath = RealPart.ENVOY.onPath();
    program = onPath.isPresent() ? onPath.get() : RealPart.ENVOY.installed();
    for (int i = 1; i <= size; i++) {
      String id = "b-" + i;
      StandInServer server = Sandbox.startServer(id);
      server.setToken(HexFormat.of().formatHex(token(id).getBytes(StandardCharsets.US_ASCII)));
      servers.put(id, server);
      loads.put(id, USUAL_LOAD);
      register(id);
    }
    startControlPlane();
    envoy =
        RealEnvoy.start(
            program, directory, "demo-edge", List.of(xds), protocol, GateModule.folder());
    await(
        "Envoy to listen on " + front,
        () -> envoy.stat("listener_manager.total_listeners_active") == 1);
    reporting.schedule(task(this::reportAll), 1_000, 1_000);
    showing.schedule(task(this::showFrame), 0, 250);
    view.say(
        "Running: "
            + size
            + " stand-in servers in "
            + registry.name()
            + ", a control plane, and Envoy "
            + envoyVersion()
            + (onPath.isPresent() ? " from PATH" : "")
            + " on "
            + front
            + " (UDP).");
    view.say("Logs and state are in " + directory);
  }

  DemoRegistry registry() {
    return registry;
  }

  Clients clients() {
    return clients;
  }

  void register(String id) throws IOException {
    StandInServer server = servers.get(id);
    registry.register(id, server.address(), server.token());
    reportLoad(id, loads.get(id));
  }

  synchronized void reportLoad(String id, double load) throws IOException {
    loads.put(id, load);
    registry.load(id, load, servers.get(id).sessions());
  }

  void startControlPlane() throws IOException {
    ControlPlaneConfig config =
        ControlPlaneConfig.of(
                List.of(new UdpService(registry.service(), front.host(), front.port())))
            .with(ControlPlaneConfig.XDS, xds)
            .with(ControlPlaneConfig.ADMIN, HostPort.parse("127.0.0.1:0"))
            .with(ControlPlaneConfig.STATE_DIR, directory.resolve("state"))
            .with(
                ControlPlaneConfig.GATE_RULES,
                Files.writeString(
                    directory.resolve("gate.yaml"), RULES.formatted(registry.service())));
    opened = registry.open();
    plane = ControlPlane.start(config, opened, Telemetry.create());
    xds = plane.xds();
    await("the control plane to be ready", () -> plane.ready());
  }

  void stopControlPlane() {
    ControlPlane stopping = plane;
    plane = null;
    stopping.close();
    opened.close();
  }

  /** Why the registry does not answer; empty while it does. */
  Optional<String> registryProblem() throws IOException {
    readFleet();
    JsonNode problem = service().path("registry").path("health").path("error");
    return problem.isTextual() ? Optional.of(problem.asText()) : Optional.empty();
  }

  /** Of four letters, so that it can stand in what simulated clients send. */
  static String token(String id) {
    return "tok" + id.charAt(2);
  }

  /**
   * Starts a second Envoy, with tokens.
   *
   * @return why there is none; empty if it runs
   */
  Optional<String> startTokenEdge() throws IOException {
    Optional<String> gateOff = gateIsOff();
    if (gateOff.isPresent()) {
      return gateOff.map(why -> "the gate is off (" + why + ")");
    }
    tokenEdge = new TokenEdge(registry, directory, program, protocol);
    tokenEdge.start();
    Optional<String> off = tokenEdge.tokensAreOff();
    if (off.isPresent()) {
      tokenEdge.close();
      tokenEdge = null;
    }
    return off;
  }

  TokenEdge tokenEdge() {
    return tokenEdge;
  }

  void awaitEnvoyKnows(String id, String health) {
    awaitEnvoyKnows(envoy, id, health);
  }

  /** The same of the Envoy with tokens. */
  void awaitTokenEdgeKnows(String id, String health) {
    awaitEnvoyKnows(tokenEdge.envoy(), id, health);
  }

  private void awaitEnvoyKnows(RealEnvoy edge, String id, String health) {
    var address = servers.get(id).address();
    String endpoint = address.getHostString() + ":" + address.getPort();
    await(
        "Envoy to know " + id + " as " + health,
        () -> health.equals(edge.servers(registry.service()).get(endpoint)));
  }

  /** Waits until Envoy's stream to the control plane is open and its subscriptions are there. */
  void awaitEnvoyConnected() {
    await(
        "Envoy to reconnect",
        () -> {
          readFleet();
          JsonNode types = fleet.path("envoys").path(0).path("types");
          return types.has("CDS") && types.has("EDS") && types.has("LDS");
        });
  }

  /**
   * What Envoy holds of every server, and how often clusters, listeners and the set of servers have
   * changed for it so far.
   */
  Map<String, String> envoyState() throws IOException {
    Map<String, String> state = new TreeMap<>(envoy.servers(registry.service()));
    envoy
        .stats(
            "(cds|lds)\\.update_success|cluster\\." + registry.service() + "\\.membership_change")
        .forEach((stat, value) -> state.put(stat, value.toString()));
    return state;
  }

  /** Why Envoy has no gate; empty if it has one. */
  Optional<String> gateIsOff() throws IOException {
    if (GateModule.folder().isEmpty()) {
      return Optional.of("its module is not built; gate/build.sh says what it needs");
    }
    readFleet();
    String gate = fleet.at("/envoys/0/gate").asText();
    return gate.equals("on") ? Optional.empty() : Optional.of(gate);
  }

  /** Whether Envoy has the current order for the shields. */
  boolean shieldsAre(boolean up) throws IOException {
    String cluster = envoy.admin().text("/config_dump?resource=dynamic_active_clusters");
    return cluster.contains("\"shields\": " + up);
  }

  /** Datagrams that the gate has rejected so far, by rule. */
  Map<String, Long> rejected() throws IOException {
    String prefix = "bolina_gate." + registry.service() + ".rejected_";
    Map<String, Long> rejected = new TreeMap<>();
    envoy
        .stats(prefix.replace(".", "\\."))
        .forEach(
            (name, count) -> {
              if (count > 0) {
                rejected.put(name.substring(prefix.length()).replace('_', ' '), count);
              }
            });
    return rejected;
  }

  /** Connections that all servers together have had. */
  long connectionsEver() {
    return servers.values().stream().mapToLong(StandInServer::connectionsEver).sum();
  }

  /** Sources of junk. */
  Flood flood(int sources) throws IOException {
    return new Flood(front.socketAddress(), sources);
  }

  /** Waits until what was sent last is answered. */
  void lastAnswers() throws IOException, InterruptedException {
    clients.talk(LONGEST);
  }

  void await(String what, Callable<Boolean> condition) {
    Waiting.until(
        what,
        LONGEST,
        condition,
        () ->
            "The log is "
                + directory.resolve("demo.log")
                + ". "
                + (envoy == null ? "" : envoy.lastWords()));
  }

  /** Where to look, for the user. */
  List<String> addresses() {
    List<String> addresses = new ArrayList<>();
    addresses.add(
        "curl -s http://" + plane.admin() + "/fleet      every server, open or closed, and why");
    addresses.add("curl -s http://" + plane.admin() + "/metrics    for Prometheus");
    addresses.add("curl -s http://" + envoy.admin().at() + "/clusters   what Envoy knows");
    addresses.add(
        "echo hello | nc -u -w1 " + front.host() + " " + front.port() + "        be a client");
    if (tokenEdge != null) {
      HostPort at = tokenEdge.front();
      addresses.add(
          "printf "
              + token("b-1")
              + " | nc -u -w1 "
              + at.host()
              + " "
              + at.port()
              + "      reach b-1, though it is closed");
    }
    return addresses;
  }

  @Override
  public void close() throws IOException {
    reporting.cancel();
    showing.cancel();
    clients.close();
    if (tokenEdge != null) {
      tokenEdge.close();
    }
    if (envoy != null) {
      envoy.close();
    }
    if (plane != null) {
      stopControlPlane();
    }
    servers.values().forEach(StandInServer::close);
    registry.close();
  }

  private void reportAll() {
    for (String id : servers.keySet()) {
      try {
        synchronized (this) {
          registry.load(id, loads.get(id), servers.get(id).sessions());
        }
      } catch (IOException e) {
        log.atDebug().addKeyValue("server", id).setCause(e).log("report failed");
      }
    }
  }

  private void showFrame() {
    try {
      if (plane != null) {
        readFleet();
      }
      view.show(frame());
    } catch (IOException | RuntimeException e) {
      log.atDebug().setCause(e).log("cannot read state to show");
    }
  }

  private static TimerTask task(Runnable run) {
    return new TimerTask() {
      @Override
      public void run() {
        run.run();
      }
    };
  }

  private synchronized void readFleet() throws IOException {
    ControlPlane now = plane;
    if (now != null) {
      fleet = new AdminPages(now.admin()).json("/fleet");
    }
  }

  private JsonNode service() {
    return fleet.path("services").path(0);
  }

  private DemoFrame frame() throws IOException {
    TokenEdge second = tokenEdge;
    List<SimulatedClient> all = new ArrayList<>(clients.all());
    if (second != null) {
      all.addAll(second.clients().all());
    }
    Map<String, Integer> byServer = Clients.byServer(all);
    List<DemoFrame.Row> rows = new ArrayList<>();
    for (JsonNode server : service().path("servers")) {
      String registered = server.path("id").asText();
      String id =
          registered.startsWith(ConsulDemoRegistry.PREFIX)
              ? registered.substring(ConsulDemoRegistry.PREFIX.length())
              : registered;
      rows.add(
          new DemoFrame.Row(
              id,
              server.path("draining").asBoolean() ? "draining" : server.path("health").asText(),
              server.path("load").isNumber()
                  ? String.format(Locale.ROOT, "%.2f", server.path("load").asDouble())
                  : "?",
              server.path("sessions").isNumber() ? server.path("sessions").asText() : "?",
              server.path("status").asText(),
              server.path("weight").asInt(),
              byServer.getOrDefault(id, 0),
              server.path("reason").asText()));
    }
    JsonNode health = service().path("registry").path("health");
    String registryState =
        health.path("error").isTextual()
            ? String.format(
                Locale.ROOT,
                "UNAVAILABLE, last update %.0f s ago; serving last good fleet",
                health.path("ageSeconds").asDouble())
            : "available";
    List<String> status = new ArrayList<>();
    status.add("registry:      " + registryState);
    status.add(
        "control plane: "
            + (plane == null ? "DOWN" : "serving version " + service().path("version").asText()));
    status.add(
        "envoy:         "
            + envoy.sessions(registry.service())
            + " sessions; clients: "
            + clients.all().size()
            + ", connections broken: "
            + clients.breaks().size());
    if (second != null) {
      status.add("with tokens:   " + second.status());
    }
    return new DemoFrame(status, rows);
  }

  private String envoyVersion() throws IOException {
    String version = envoy.admin().json("/server_info").path("version").asText();
    String[] parts = version.split("/", -1);
    return parts.length > 1 ? parts[1] : version;
  }
}
