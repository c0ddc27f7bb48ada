package io.bolina.launcher;

import io.bolina.agent.Agent;
import io.bolina.agent.AgentConfig;
import io.bolina.agent.probe.CpuLoad;
import io.bolina.agent.probe.LoadCommand;
import io.bolina.agent.probe.Probe;
import io.bolina.agent.probe.ProcessAlive;
import io.bolina.agent.probe.UdpEcho;
import io.bolina.registry.Registrar;
import io.bolina.registry.consul.ConsulRegistrar;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Signals;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code bolina agent}: the reporter beside a server. */
@Command(
    name = "agent",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    subcommands = AgentDrainCommand.class,
    subcommandsRepeatable = false,
    description = {
      "Runs beside a server: registers it with the local Consul agent, reports its health and load, and takes it",
      "out of service without breaking a session.",
      ""
    },
    footer = {
      "",
      "The server says how it is by PUT /v1/status on the listen address (docs/agent.md).",
      "SIGTERM drains: closed to new clients at once; ends with status 0 when the last session has ended or",
      "the drain time is over. A second SIGTERM does not wait.",
      "",
      "Example:",
      "  bolina agent --service bolina --id b-1 --address 127.0.0.1 --port 7001",
      "  curl -X PUT http://127.0.0.1:7070/v1/status -d '{\"load\": 0.42, \"sessions\": 318}'",
      "  bolina agent drain"
    })
final class AgentCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(Agent.class);
  private static final Duration PROBE_PATIENCE = Duration.ofSeconds(1);

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "YAML file with any of the settings below as 'key: value'; the command line overrules it.")
  @SuppressWarnings("UnusedVariable") // YamlDefaults reads the file before the options are parsed
  private Path config;

  @Mixin private ConsulOptions consul;

  @Option(
      names = "--service",
      paramLabel = "NAME",
      defaultValue = "${env:BOLINA_SERVICE}",
      description = "The Consul service (the fleet). Or BOLINA_SERVICE.")
  private String service;

  @Option(
      names = "--id",
      paramLabel = "ID",
      defaultValue = "${env:BOLINA_ID}",
      description =
          "The server's id, unique in Consul. Or BOLINA_ID: the pod's name on Kubernetes.")
  private String id;

  @Option(
      names = "--address",
      paramLabel = "IP",
      defaultValue = "${env:BOLINA_ADDRESS}",
      description = "The server's address, as Envoy reaches it. Or BOLINA_ADDRESS: the pod's IP.")
  private String address;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      defaultValue = "${env:BOLINA_PORT:-0}",
      description = "The server's UDP port. Or BOLINA_PORT.")
  private int port;

  @Option(
      names = "--zone",
      paramLabel = "ZONE",
      defaultValue = "${env:BOLINA_ZONE:-}",
      description = "Where it stands; shown on /fleet. Or BOLINA_ZONE.")
  private String zone;

  @Option(names = "--meta", paramLabel = "KEY=VALUE", description = "Further metadata. Repeatable.")
  private Map<String, String> metadata = Map.of();

  @Option(
      names = "--listen",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:7070",
      converter = EnvoyBootstrapCommand.AsHostPort.class,
      description = "Where the server reports to. Default: ${DEFAULT-VALUE}.")
  private HostPort listen;

  @Option(
      names = "--ttl",
      paramLabel = "TIME",
      defaultValue = "15s",
      converter = AsTime.class,
      description =
          "After how long without a word of this agent the server counts as critical. Default: ${DEFAULT-VALUE}.")
  private Duration timeToLive;

  @Option(
      names = "--silence-warning",
      paramLabel = "TIME",
      defaultValue = "10s",
      converter = AsTime.class,
      description =
          "After how long without a report of the server it is in warning. Default: ${DEFAULT-VALUE}.")
  private Duration silenceWarning;

  @Option(
      names = "--silence-critical",
      paramLabel = "TIME",
      defaultValue = "30s",
      converter = AsTime.class,
      description = "After how long it is critical. Default: ${DEFAULT-VALUE}.")
  private Duration silenceCritical;

  @Option(
      names = "--at-start",
      paramLabel = "HEALTH",
      defaultValue = "passing",
      converter = AsHealth.class,
      description =
          "What the server counts as until its first report: passing, so that a restart of the agent changes nothing, or critical,"
              + " where the two start together as in a pod. Default: ${DEFAULT-VALUE}.")
  private Health atStart;

  @Option(
      names = "--load-dead-band",
      paramLabel = "SHARE",
      defaultValue = "0.05",
      description =
          "How far the load must move to be written to Consul. Default: ${DEFAULT-VALUE}.")
  private double deadBand;

  @Option(
      names = "--load-interval",
      paramLabel = "TIME",
      defaultValue = "5s",
      converter = AsTime.class,
      description = "The least time between two writes of the load. Default: ${DEFAULT-VALUE}.")
  private Duration loadInterval;

  @Option(
      names = "--drain-time",
      paramLabel = "TIME",
      defaultValue = "10m",
      converter = AsTime.class,
      description = "How long sessions may take to end when draining. Default: ${DEFAULT-VALUE}.")
  private Duration drainTime;

  @Option(
      names = "--probe-udp",
      paramLabel = "PAYLOAD[=EXPECTED]",
      description =
          "For a server that does not report: send it this datagram every 2 s; it is well if an answer contains EXPECTED.")
  private String probeUdp;

  @Option(
      names = "--probe-pid-file",
      paramLabel = "FILE",
      description = "The same: it is well while the process whose id is in this file is there.")
  private Path probePidFile;

  @Option(
      names = "--probe-cgroup",
      paramLabel = "DIR",
      description =
          "The same: its load is the CPU share used in this cgroup (v2), in a container /sys/fs/cgroup.")
  private Path probeCgroup;

  @Option(
      names = "--load-command",
      paramLabel = "COMMAND",
      description = "The same: its load is the number that this command prints.")
  private String loadCommand;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    AgentConfig checked = config();
    ConsulSettings settings = consul.settings();
    try (Registrar registrar = new ConsulRegistrar(settings);
        Agent agent = Agent.start(checked, registrar, Telemetry.ofProcess())) {
      Signals.onTermination(agent::drain);
      agent.awaitDrained();
      log.info("done");
    }
    return ExitStatus.OK;
  }

  private List<Probe> probes() {
    List<Probe> probes = new ArrayList<>();
    if (probeUdp != null) {
      int equals = probeUdp.indexOf('=');
      probes.add(
          new UdpEcho(
              new InetSocketAddress(address, port),
              equals < 0 ? probeUdp : probeUdp.substring(0, equals),
              equals < 0 ? "" : probeUdp.substring(equals + 1),
              PROBE_PATIENCE));
    }
    if (probePidFile != null) {
      probes.add(new ProcessAlive(probePidFile));
    }
    if (probeCgroup != null) {
      probes.add(new CpuLoad(probeCgroup));
    }
    if (loadCommand != null) {
      probes.add(new LoadCommand(loadCommand, PROBE_PATIENCE));
    }
    return probes;
  }

  private AgentConfig config() {
    try {
      if (service == null || id == null || address == null || port == 0) {
        throw new IllegalArgumentException(
            "--service, --id, --address and --port are needed (or BOLINA_SERVICE, BOLINA_ID, BOLINA_ADDRESS and BOLINA_PORT)");
      }
      return AgentConfig.of(new Server(id, service, address, port, zone, metadata))
          .withListen(listen.host(), listen.port())
          .withTimeToLive(timeToLive)
          .withSilence(silenceWarning, silenceCritical)
          .withHealthAtStart(atStart)
          .withLoadGate(deadBand, loadInterval)
          .withDrainTime(drainTime)
          .withProbes(probes());
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  /** Reads {@code passing}, {@code warning} or {@code critical}. */
  static final class AsHealth implements ITypeConverter<Health> {
    @Override
    public Health convert(String text) {
      try {
        return Health.valueOf(text.toUpperCase(Locale.ROOT));
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException("is '" + text + "', not passing, warning or critical");
      }
    }
  }
}
