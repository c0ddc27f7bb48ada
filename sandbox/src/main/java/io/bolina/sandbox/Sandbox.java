package io.bolina.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.Registry;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.consul.ConsulFront;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.envoy.Chooser;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.process.Waiting;
import io.bolina.sandbox.server.StandInServer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * A whole topology by name in a few lines: Consul, stand-in servers, control planes, Envoys and
 * clients, on loopback, all gone when it is closed.
 *
 * <pre>{@code
 * try (Sandbox sandbox = new Sandbox()) {
 *   sandbox.servers("b-1", "b-2", "b-3");
 *   sandbox.controlPlane("cp");
 *   sandbox.envoy("edge");
 *   Clients clients = sandbox.clients();
 *   clients.arrive(100);
 *   ...
 * }
 * }</pre>
 */
public final class Sandbox implements AutoCloseable {
  /** The service that everything here is about unless another is named. */
  public static final String SERVICE = "bolina";

  private final Path directory;
  private final Deque<AutoCloseable> parts = new ArrayDeque<>();
  private final Map<String, StandInServer> servers = new LinkedHashMap<>();
  private final Map<String, ControlPlane> controlPlanes = new LinkedHashMap<>();
  private final Map<String, RealEnvoy> envoys = new LinkedHashMap<>();
  private final Map<String, HostPort> xds = new LinkedHashMap<>();
  private final Map<String, HostPort> admins = new LinkedHashMap<>();
  private final Map<String, PrometheusMeterRegistry> meters = new LinkedHashMap<>();
  private final HostPort front;
  private RealConsul consul;
  private ConsulFront consulFront;
  private final Chooser chooser;
  private Optional<String> managementToken = Optional.empty();

  public Sandbox() throws IOException {
    this(Chooser.ENVOY);
  }

  /**
   * The same.
   *
   * @param chooser what chooses servers in Envoys that are started with no further wish
   */
  public Sandbox(Chooser chooser) throws IOException {
    this.chooser = chooser;
    directory = Files.createTempDirectory("bolina-sandbox");
    front = new HostPort("127.0.0.1", FreePort.udp());
  }

  /** Where the parts keep their files. */
  public Path directory() {
    return directory;
  }

  /** The UDP address on which every Envoy listens; one Envoy at a time has it. */
  public HostPort front() {
    return front;
  }

  /** The service, as a control plane's configuration names it. */
  public UdpService service() {
    return new UdpService(SERVICE, front.host(), front.port());
  }

  /** Consul is started with ACLs on and this token for all rights. To be called first. */
  public Sandbox withAcls(String token) {
    managementToken = Optional.of(token);
    return this;
  }

  /** The real Consul, started when first asked for. */
  public RealConsul consul() throws IOException {
    if (consul == null) {
      consul =
          closed(
              RealConsul.start(
                  RealPart.CONSUL.installed(),
                  directory.resolve("consul"),
                  managementToken,
                  Optional.empty()));
    }
    return consul;
  }

  /** The front of Consul that this sandbox's control planes use. */
  public ConsulFront consulFront() throws IOException {
    if (consulFront == null) {
      consulFront = closed(new ConsulFront(consul().url()));
    }
    return consulFront;
  }

  /** Starts a server and registers it in Consul, passing. */
  public StandInServer server(String id) throws IOException {
    StandInServer server = closed(startServer(id));
    servers.put(id, server);
    consul()
        .api()
        .register(SERVICE, id, server.address().getHostString(), server.address().getPort());
    return server;
  }

  /** Starts and registers several. */
  public void servers(String... ids) throws IOException {
    for (String id : ids) {
      server(id);
    }
  }

  /** A server that was started here. */
  public StandInServer running(String id) {
    return servers.get(id);
  }

  /** The endpoint of a server that was started here, as Envoy knows it. */
  public String endpoint(String id) {
    InetSocketAddress address = servers.get(id).address();
    return address.getHostString() + ":" + address.getPort();
  }

  /** Starts a control plane on Consul, with default settings and a state directory of its own. */
  public ControlPlane controlPlane(String name) throws IOException {
    return controlPlane(name, UnaryOperator.identity());
  }

  /** The same with other settings. */
  public ControlPlane controlPlane(String name, UnaryOperator<ControlPlaneConfig> settings)
      throws IOException {
    URI url = consulFront().url();
    return controlPlane(name, settings, r -> r.onConsul(url, managementToken));
  }

  /**
   * The same on another registry.
   *
   * @param registry makes the registry
   */
  public ControlPlane controlPlane(
      String name,
      UnaryOperator<ControlPlaneConfig> settings,
      Function<Registries, Registry> registry)
      throws IOException {
    // A control plane that is started again under its name listens where it did before.
    HostPort at = xds.computeIfAbsent(name, n -> new HostPort("127.0.0.1", 0));
    ControlPlaneConfig config =
        settings.apply(
            ControlPlaneConfig.of(List.of(service()))
                .with(ControlPlaneConfig.XDS, at)
                .with(ControlPlaneConfig.ADMIN, new HostPort("127.0.0.1", 0))
                .with(ControlPlaneConfig.STATE_DIR, directory.resolve("state-" + name)));
    Telemetry telemetry = Telemetry.create();
    Registry source = registry.apply(new Registries(config.fleet(), telemetry));
    ControlPlane plane = ControlPlane.start(config, source, telemetry);
    parts.push(source);
    parts.push(plane);
    xds.put(name, plane.xds());
    meters.put(name, telemetry.meters());
    controlPlanes.put(name, plane);
    return plane;
  }

  /**
   * Starts a control plane as a process of its own, on Consul and with a state directory of its
   * own, through the launcher. Started again under its name it goes on where it was.
   *
   * @param options further ones
   */
  public BolinaProcess controlPlaneProcess(String name, String... options) throws IOException {
    return controlPlaneProcess(
        name,
        consulFront().url(),
        Stream.concat(Stream.of("--consul-wait", "5s"), Stream.of(options)).toArray(String[]::new));
  }

  /**
   * The same on another Consul agent than the one that has a front here.
   *
   * @param consulUrl where that agent is
   */
  public BolinaProcess controlPlaneProcess(String name, URI consulUrl, String... options)
      throws IOException {
    HostPort at = xds.containsKey(name) ? xds.get(name) : new HostPort("127.0.0.1", FreePort.tcp());
    HostPort admin = admin(name);
    xds.put(name, at);
    return closed(
        BolinaProcess.start(
            directory.resolve(name + ".log"),
            Stream.concat(
                    Stream.of(
                        "control-plane",
                        "--consul",
                        consulUrl.toString(),
                        "--service",
                        SERVICE + "=" + front,
                        "--xds",
                        at.toString(),
                        "--admin",
                        admin.toString(),
                        "--state-dir",
                        directory.resolve("state-" + name).toString()),
                    Stream.of(options))
                .toArray(String[]::new)));
  }

  /** Where a control plane that is a process of its own has, or will have, its pages. */
  public HostPort admin(String name) throws IOException {
    if (!admins.containsKey(name)) {
      admins.put(name, new HostPort("127.0.0.1", FreePort.tcp()));
    }
    return admins.get(name);
  }

  /** What a control plane measures, by Prometheus name and labels. */
  public PrometheusMeterRegistry meters(String name) {
    return meters.get(name);
  }

  /** Stops a control plane; a registry may be shared with others, and stays. */
  public void stop(String name) {
    controlPlanes.remove(name).close();
  }

  /**
   * Starts an Envoy that knows every control plane so far, and waits until it listens for clients.
   */
  public RealEnvoy envoy(String nodeId) throws IOException {
    return envoy(nodeId, Protocol.INCREMENTAL);
  }

  /** The same with the gate. */
  public RealEnvoy envoyWithGate(String nodeId) throws IOException {
    return envoyWithGate(nodeId, Protocol.INCREMENTAL, GateModule.neededFolder());
  }

  /**
   * The same with the gate, or so its bootstrap says.
   *
   * @param folder where it looks for the module
   */
  public RealEnvoy envoyWithGate(String nodeId, Protocol protocol, Path folder) throws IOException {
    return listening(envoyStarting(nodeId, protocol, Optional.of(folder), false), nodeId);
  }

  /** The same with the gate, whose module chooses the servers by tokens. */
  public RealEnvoy envoyWithTokens(String nodeId, Protocol protocol) throws IOException {
    return envoyWithTokens(nodeId, protocol, GateModule.neededFolder());
  }

  /**
   * The same, or so its bootstrap says.
   *
   * @param folder where it looks for the module
   */
  public RealEnvoy envoyWithTokens(String nodeId, Protocol protocol, Path folder)
      throws IOException {
    return listening(envoyStarting(nodeId, protocol, Optional.of(folder), true), nodeId);
  }

  /** The same in one of the protocol's variants. */
  public RealEnvoy envoy(String nodeId, Protocol protocol) throws IOException {
    return listening(envoyStarting(nodeId, protocol), nodeId);
  }

  private RealEnvoy listening(RealEnvoy envoy, String nodeId) {
    Waiting.until(
        "Envoy " + nodeId + " to listen on " + front,
        Waiting.LONG,
        () -> envoy.stat("listener_manager.total_listeners_active") >= 1,
        envoy::lastWords);
    return envoy;
  }

  /**
   * The same, started by another program.
   *
   * @param program ends as the Envoy, with all arguments that it was given
   */
  public RealEnvoy envoyBy(Path program, String nodeId) throws IOException {
    RealEnvoy envoy =
        closed(
            RealEnvoy.start(
                program,
                directory,
                nodeId,
                List.copyOf(xds.values()),
                Protocol.INCREMENTAL,
                Optional.empty()));
    envoys.put(nodeId, envoy);
    return listening(envoy, nodeId);
  }

  /** Starts an Envoy and does not wait for its configuration. */
  public RealEnvoy envoyStarting(String nodeId, Protocol protocol) throws IOException {
    return chooser == Chooser.MODULE
        ? envoyStarting(nodeId, protocol, Optional.of(GateModule.neededFolder()), true)
        : envoyStarting(nodeId, protocol, Optional.empty(), false);
  }

  private RealEnvoy envoyStarting(
      String nodeId, Protocol protocol, Optional<Path> gate, boolean tokens) throws IOException {
    RealEnvoy envoy =
        closed(
            RealEnvoy.start(
                RealPart.ENVOY.installed(),
                directory,
                nodeId,
                List.copyOf(xds.values()),
                protocol,
                gate,
                tokens));
    envoys.put(nodeId, envoy);
    return envoy;
  }

  /** An Envoy that was started here. */
  public RealEnvoy envoyNamed(String nodeId) {
    return envoys.get(nodeId);
  }

  /** Clients of the front. */
  public Clients clients() throws IOException {
    return closed(new Clients(front.socketAddress()));
  }

  /** Clients whose numbers, and thereby addresses, begin at one. */
  public Clients clientsFrom(int firstNumber) throws IOException {
    return closed(new Clients(front.socketAddress(), firstNumber));
  }

  /**
   * Waits until every Envoy has a server's health, as Envoy names it.
   *
   * @param health {@code HEALTHY} for open, {@code DEGRADED} for closed, {@code null} for not
   *     served
   */
  public void awaitEnvoys(String id, String health) {
    String endpoint = endpoint(id);
    envoys
        .values()
        .forEach(
            envoy ->
                Waiting.until(
                    "Envoy to have " + id + " as " + health,
                    Waiting.LONG,
                    () -> java.util.Objects.equals(envoy.servers(SERVICE).get(endpoint), health),
                    () -> "It has " + serversOf(envoy)));
  }

  /** What a control plane's {@code /fleet} shows. */
  public JsonNode fleet(String name) throws IOException {
    return new AdminPages(controlPlanes.get(name).admin()).json("/fleet");
  }

  /**
   * Waits until each Envoy of a control plane has acknowledged all that is served of the service's
   * servers at this moment, and whatever else it was sent.
   */
  public void awaitAcknowledged(String name) {
    Waiting.until(
        "every Envoy to acknowledge what is served",
        Waiting.LONG,
        () -> {
          JsonNode fleet = fleet(name);
          for (JsonNode envoy : fleet.path("envoys")) {
            boolean tokens = envoy.path("tokens").asText().equals("on");
            String version =
                fleet.at("/services/0/version" + (tokens ? "WithTokens" : "")).asText();
            JsonNode types = envoy.path("types");
            for (JsonNode type : types) {
              if (!type.path("acknowledged").equals(type.path("sent"))) {
                return false;
              }
            }
            if (types.has("LEDS") && !types.at("/LEDS/acknowledged").asText().equals(version)) {
              return false;
            }
          }
          return !fleet.path("envoys").isEmpty();
        },
        () -> "");
  }

  /** Registers a part to be closed with the sandbox. */
  public <T extends AutoCloseable> T closed(T part) {
    parts.push(part);
    return part;
  }

  /** Starts a server without registering it. */
  public static StandInServer startServer(String id) throws IOException {
    return StandInServer.start(id, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  @Override
  public void close() {
    while (!parts.isEmpty()) {
      try {
        parts.pop().close();
      } catch (Exception e) {
        throw new IllegalStateException("a part of the sandbox cannot be closed", e);
      }
    }
  }

  private static String serversOf(RealEnvoy envoy) {
    try {
      return envoy.servers(SERVICE).toString();
    } catch (IOException e) {
      return e.toString();
    }
  }
}
