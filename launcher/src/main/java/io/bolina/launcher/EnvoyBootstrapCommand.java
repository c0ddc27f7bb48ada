package io.bolina.launcher;

import io.bolina.controlplane.resources.EnvoyBootstrap;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.launcher.edge.EdgeHost;
import io.bolina.launcher.edge.EdgeNeeds;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.HostPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code bolina envoy-bootstrap}: all that an Envoy needs to be given. */
@Command(
    name = "envoy-bootstrap",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Prints the bootstrap configuration for an Envoy. Everything else comes from the control plane.",
      ""
    },
    footer = {
      "",
      "Example:",
      "  bolina envoy-bootstrap --xds 10.0.0.5:18000 --xds 10.0.0.6:18000 --node-id edge-1 > envoy.yaml",
      "  envoy -c envoy.yaml",
      "  bolina envoy-bootstrap --gate --node-id edge-1 > envoy.yaml",
      "  ENVOY_DYNAMIC_MODULES_SEARCH_PATH=/opt/bolina/gate envoy -c envoy.yaml",
      "",
      "A session costs Envoy a file descriptor, and without one left it aborts: start it with 'ulimit -n' well above",
      "the sessions you expect, or set the control plane's max-sessions below it."
    })
final class EnvoyBootstrapCommand implements Callable<Integer> {
  @Option(
      names = "--xds",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:18000",
      converter = AsHostPort.class,
      description =
          "A control plane. Repeatable: the Envoy moves to another when one fails. Default: ${DEFAULT-VALUE}.")
  private List<HostPort> xds;

  @Option(
      names = "--admin",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:9901",
      converter = AsHostPort.class,
      description = "Where the Envoy's own admin page listens. Default: ${DEFAULT-VALUE}.")
  private HostPort admin;

  @Option(
      names = "--stats",
      paramLabel = "HOST:PORT",
      converter = AsHostPort.class,
      description =
          "Where the Envoy shows /ready and /stats/prometheus to probes and to Prometheus, and nothing else. Default: nowhere.")
  private HostPort stats;

  @Option(
      names = "--node-id",
      paramLabel = "ID",
      required = true,
      description = "What the Envoy calls itself in logs and on /fleet; unique among the Envoys.")
  private String nodeId;

  @Option(
      names = "--protocol",
      paramLabel = "VARIANT",
      defaultValue = "INCREMENTAL",
      description =
          "${COMPLETION-CANDIDATES}. Incremental reconnects without being sent what it has. Default: ${DEFAULT-VALUE}.")
  private Protocol protocol;

  @Option(
      names = "--gate",
      description =
          "The gate's module (gate/target/libbolina_gate.so) is on the Envoy's host, in the folder that the Envoy's environment"
              + " variable ENVOY_DYNAMIC_MODULES_SEARCH_PATH names: the control plane gives this Envoy the gate.")
  private boolean gate;

  @Option(
      names = "--into",
      paramLabel = "DIR",
      description =
          "Write it to DIR/envoy.yaml instead, and with --gate the module beside it: for an init container that prepares a pod.")
  private Path into;

  @Option(
      names = "--sessions",
      paramLabel = "N",
      converter = EdgeCheckCommand.AsNeeds.class,
      description =
          "Look first whether this host is fit for so many sessions (bolina edge-check), and fail if it is not.")
  private EdgeNeeds needs;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    if (needs != null
        && !EdgeCheckCommand.report(needs, EdgeHost.here(), spec.commandLine().getErr())) {
      return ExitStatus.FAILED;
    }
    String yaml =
        EnvoyBootstrap.yaml(nodeId, xds, admin, Optional.ofNullable(stats), protocol, gate);
    if (into == null) {
      spec.commandLine().getOut().print(yaml);
      spec.commandLine().getOut().flush();
    } else {
      Files.createDirectories(into);
      if (gate) {
        Path module = GateModule.neededFolder().resolve(GateModule.FILE);
        Files.copy(module, into.resolve(GateModule.FILE), StandardCopyOption.REPLACE_EXISTING);
      }
      Files.writeString(into.resolve("envoy.yaml"), yaml);
    }
    return ExitStatus.OK;
  }

  /** Reads {@code HOST:PORT}. */
  static final class AsHostPort implements ITypeConverter<HostPort> {
    @Override
    public HostPort convert(String text) {
      try {
        return HostPort.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
