package io.bolina.demo;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.Registry;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

/**
 * An Envoy with tokens, and its clients, beside the demo's first. Each Envoy listens where its
 * control plane says, so it has a control plane of its own, on the same registry and servers.
 */
final class TokenEdge implements AutoCloseable {
  /** The simulated clients' datagrams end with the token. */
  private static final String RULES = "%s: {token: {offset: -4, length: 4}}\n";

  private final DemoRegistry registry;
  private final Path directory;
  private final Path program;
  private final Protocol protocol;
  private final HostPort front;
  private final Clients clients;
  private Registry opened;
  private ControlPlane plane;
  private volatile RealEnvoy envoy;

  /**
   * @param program the Envoy to run
   */
  TokenEdge(DemoRegistry registry, Path directory, Path program, Protocol protocol)
      throws IOException {
    this.registry = registry;
    this.directory = directory;
    this.program = program;
    this.protocol = protocol;
    this.front = new HostPort("127.0.0.1", FreePort.udp());
    this.clients = new Clients(front.socketAddress());
  }

  void start() throws IOException {
    ControlPlaneConfig config =
        ControlPlaneConfig.of(
                List.of(new UdpService(registry.service(), front.host(), front.port())))
            .with(ControlPlaneConfig.XDS, HostPort.parse("127.0.0.1:0"))
            .with(ControlPlaneConfig.ADMIN, HostPort.parse("127.0.0.1:0"))
            .with(ControlPlaneConfig.STATE_DIR, directory.resolve("state-tokens"))
            .with(
                ControlPlaneConfig.GATE_RULES,
                Files.writeString(
                    directory.resolve("gate-tokens.yaml"), RULES.formatted(registry.service())));
    opened = registry.open();
    plane = ControlPlane.start(config, opened, Telemetry.create());
    await("the second control plane to be ready", () -> plane.ready());
    startEnvoy();
  }

  /** Ends it as kill -9 does, and starts it again: its table of sessions is gone. */
  void restartEnvoy() throws IOException {
    RealEnvoy before = envoy;
    envoy = null;
    before.kill();
    startEnvoy();
  }

  private void startEnvoy() throws IOException {
    RealEnvoy started =
        RealEnvoy.start(
            program,
            directory,
            "demo-tokens",
            List.of(plane.xds()),
            protocol,
            Optional.of(GateModule.neededFolder()),
            true);
    envoy = started;
    await(
        "Envoy to listen on " + front,
        () -> started.stat("listener_manager.total_listeners_active") == 1);
  }

  /** Why its Envoy does not choose by tokens; empty if it does. */
  Optional<String> tokensAreOff() throws IOException {
    String tokens = new AdminPages(plane.admin()).json("/fleet").at("/envoys/0/tokens").asText();
    return tokens.equals("on") ? Optional.empty() : Optional.of(tokens);
  }

  HostPort front() {
    return front;
  }

  RealEnvoy envoy() {
    return envoy;
  }

  Clients clients() {
    return clients;
  }

  /** In a line. */
  String status() throws IOException {
    RealEnvoy now = envoy;
    return (now == null ? "DOWN" : now.sessions(registry.service()) + " sessions")
        + "; clients: "
        + clients.all().size()
        + ", moved: "
        + moved(clients.all());
  }

  /** How many of some clients were ever moved to another server. */
  static long moved(List<SimulatedClient> some) {
    return some.stream()
        .filter(client -> client.breaks().stream().anyMatch(SimulatedClient.Break::moved))
        .count();
  }

  private void await(String what, Callable<Boolean> condition) {
    Waiting.until(
        what,
        Waiting.LONG,
        condition,
        () ->
            "The log is "
                + directory.resolve("demo.log")
                + ". "
                + (envoy == null ? "" : envoy.lastWords()));
  }

  @Override
  public void close() {
    clients.close();
    if (envoy != null) {
      envoy.close();
    }
    if (plane != null) {
      plane.close();
    }
    if (opened != null) {
      opened.close();
    }
  }
}
