package io.bolina.sandbox.envoy;

import io.bolina.controlplane.resources.EnvoyBootstrap;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A real Envoy that can be restarted hot: run by {@code bolina-envoy} (deploy/envoy), with tokens,
 * and a gate whose tables outlive it.
 */
public final class SupervisedEnvoy implements AutoCloseable {
  /** In its directory: it is restarted when this file is replaced. */
  public static final String WATCHED = "watched";

  private final Path bootstrap;
  private final Path program;
  private final Map<String, String> environment;
  private final AdminPages admin;
  private final Child supervisor;

  private SupervisedEnvoy(
      Path bootstrap,
      Path program,
      Map<String, String> environment,
      AdminPages admin,
      Child supervisor) {
    this.bootstrap = bootstrap;
    this.program = program;
    this.environment = environment;
    this.admin = admin;
    this.supervisor = supervisor;
  }

  /**
   * Starts it.
   *
   * @param directory where its bootstrap, log and state are kept
   * @param baseId no other Envoy of this machine may have it, nor the next one
   * @param handOver how long an Envoy keeps its clients when the next one is there
   */
  public static SupervisedEnvoy start(
      Path directory, String nodeId, List<HostPort> controlPlanes, int baseId, Duration handOver)
      throws IOException {
    Path program = directory.resolve("bolina-envoy");
    Command.of(Installation.home().resolve("deploy/envoy/build").toString(), program.toString())
        .run();
    HostPort adminAt = new HostPort("127.0.0.1", FreePort.tcp());
    Path bootstrap =
        Files.writeString(
            directory.resolve(nodeId + ".yaml"),
            EnvoyBootstrap.yaml(
                nodeId,
                controlPlanes,
                adminAt,
                Optional.empty(),
                EnvoyBootstrap.Protocol.INCREMENTAL,
                true,
                true));
    Map<String, String> environment = new HashMap<>();
    environment.put("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", GateModule.neededFolder().toString());
    environment.put("BOLINA_GATE_DIR", directory.toString());
    environment.put("ENVOY_SUPERVISOR_DIR", directory.toString());
    environment.put("ENVOY_BASE_ID", Integer.toString(baseId));
    environment.put("ENVOY_HAND_OVER_S", Long.toString(handOver.toSeconds()));
    Child supervisor =
        Child.start(
            "bolina-envoy " + nodeId,
            List.of(
                program.toString(),
                "--watch",
                Files.writeString(directory.resolve(WATCHED), "").toString(),
                "--",
                RealPart.ENVOY.installed().toString(),
                "-c",
                bootstrap.toString(),
                "--concurrency",
                "2"),
            environment,
            directory.resolve(nodeId + ".log"));
    return new SupervisedEnvoy(
        bootstrap, program, environment, new AdminPages(adminAt), supervisor);
  }

  /** Has it restarted; returns what is said of that. */
  public Command.Ended reload() throws IOException {
    Command command = Command.of(program.toString(), "reload");
    environment.forEach(command::with);
    return command.end();
  }

  /** Its bootstrap, which the next one reads. */
  public Path bootstrap() {
    return bootstrap;
  }

  public AdminPages admin() {
    return admin;
  }

  public Child supervisor() {
    return supervisor;
  }

  /** Counters of the one that has the admin page. */
  public long stat(String name) throws IOException {
    String line =
        admin
            .text("/stats?filter=" + name.replace(".", "%5C.") + "$")
            .lines()
            .filter(l -> l.startsWith(name + ": "))
            .findFirst()
            .orElse(": 0");
    return Long.parseLong(line.substring(line.lastIndexOf(' ') + 1));
  }

  @Override
  public void close() {
    supervisor.terminate();
  }
}
