package io.bolina.launcher;

import io.bolina.registry.DrainOrders;
import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulDrainOrders;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Signals;
import io.bolina.runtime.Telemetry;
import io.bolina.watcher.Leadership;
import io.bolina.watcher.Watcher;
import io.bolina.watcher.WatcherConfig;
import io.bolina.watcher.kubernetes.KubernetesApi;
import io.bolina.watcher.kubernetes.KubernetesWorkload;
import io.bolina.watcher.kubernetes.LeaseLeadership;
import io.bolina.watcher.kubernetes.PermissionCheck;
import io.bolina.watcher.kubernetes.TargetName;
import io.bolina.watcher.planning.Rate;
import io.bolina.watcher.planning.WatchSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
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

/** {@code bolina watcher}: scales the pods. */
@Command(
    name = "watcher",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    subcommands = WatcherExplainCommand.class,
    subcommandsRepeatable = false,
    description = {
      "Scales the pods of Bolina Servers through the Kubernetes API by what Consul says of their health and load.",
      "A pod is given up only when its sessions have ended, or have had the drain time to.",
      ""
    },
    footer = {
      "",
      "docs/watcher.md says how it reckons, and has the rights it needs of Kubernetes and Consul.",
      "",
      "Example:",
      "  bolina watcher --consul http://127.0.0.1:8500 --service bolina --namespace games \\",
      "                 --target deployment/bolina --min 2 --max 50 --dry-run",
      "  bolina watcher explain"
    })
final class WatcherCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(Watcher.class);
  private static final Duration CONSUL_WAIT = Duration.ofSeconds(10);

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
      description = "The Consul service whose servers run in the pods.")
  private String service;

  @Option(
      names = "--kubeconfig",
      paramLabel = "FILE",
      description =
          "How to reach Kubernetes. Default: KUBECONFIG, ~/.kube/config, or the pod's service account.")
  private Path kubeconfig;

  @Option(
      names = "--namespace",
      paramLabel = "NS",
      description = "Where the target is. Default: the namespace that the above names.")
  private String namespace;

  @Option(
      names = "--target",
      paramLabel = "KIND/NAME",
      converter = AsTarget.class,
      description =
          "What to scale: deployment/NAME, statefulset/NAME, or PLURAL.GROUP/NAME of anything with a scale subresource.")
  private TargetName target;

  @Option(
      names = "--min",
      paramLabel = "N",
      defaultValue = "2",
      description = "The fewest pods. Default: ${DEFAULT-VALUE}.")
  private int min;

  @Option(names = "--max", paramLabel = "N", description = "The most pods.")
  private int max;

  @Option(
      names = "--target-load",
      paramLabel = "LOAD",
      defaultValue = "0.6",
      description = "The load that an open server should have. Default: ${DEFAULT-VALUE}.")
  private double targetLoad;

  @Option(
      names = "--tolerance",
      paramLabel = "SHARE",
      defaultValue = "0.1",
      description = "How far off it may be, as a share of it. Default: ${DEFAULT-VALUE}.")
  private double tolerance;

  @Option(
      names = "--overloaded-at",
      paramLabel = "LOAD",
      defaultValue = "0.9",
      description =
          "From where on a server is overloaded: the control plane's setting. Default: ${DEFAULT-VALUE}.")
  private double overloadedAt;

  @Option(
      names = "--spare",
      paramLabel = "N",
      defaultValue = "0",
      description = "Open servers beyond what the load needs. Default: ${DEFAULT-VALUE}.")
  private int spare;

  @Option(
      names = "--up-rate",
      paramLabel = "RATE",
      defaultValue = "4,100%/1m",
      converter = AsRate.class,
      description =
          "How fast to grow: so many pods, or percent if that is more, in a time. Default: 4,100%%/1m.")
  private Rate up;

  @Option(
      names = "--down-rate",
      paramLabel = "RATE",
      defaultValue = "1,10%/1m",
      converter = AsRate.class,
      description = "How fast to shrink. Default: 1,10%%/1m.")
  private Rate down;

  @Option(
      names = "--down-window",
      paramLabel = "TIME",
      defaultValue = "5m",
      converter = AsTime.class,
      description =
          "How long fewer pods must have been enough before one goes. Default: ${DEFAULT-VALUE}.")
  private Duration downWindow;

  @Option(
      names = "--drain-time",
      paramLabel = "TIME",
      defaultValue = "10m",
      converter = AsTime.class,
      description =
          "How long the sessions of a pod that goes may take to end. Default: ${DEFAULT-VALUE}.")
  private Duration drainTime;

  @Option(
      names = "--settle",
      paramLabel = "TIME",
      defaultValue = "30s",
      converter = AsTime.class,
      description =
          "How long after it was closed a server's word is waited for that it has no session. Default: ${DEFAULT-VALUE}.")
  private Duration settle;

  @Option(
      names = "--start-limit",
      paramLabel = "TIME",
      defaultValue = "2m",
      converter = AsTime.class,
      description =
          "How long a pod counts as coming until its server is registered. Default: ${DEFAULT-VALUE}.")
  private Duration startLimit;

  @Option(
      names = "--stale-after",
      paramLabel = "TIME",
      defaultValue = "30s",
      converter = AsTime.class,
      description =
          "How old Consul's word may be before nothing is changed any more. Default: ${DEFAULT-VALUE}.")
  private Duration staleAfter;

  @Option(
      names = "--replace-after",
      paramLabel = "TIME",
      defaultValue = "5m",
      converter = AsTime.class,
      description =
          "How long a server may be critical before its pod is replaced. Default: ${DEFAULT-VALUE}.")
  private Duration replaceAfter;

  @Option(
      names = "--replace-every",
      paramLabel = "TIME",
      defaultValue = "1m",
      converter = AsTime.class,
      description = "The least time between two replacements. Default: ${DEFAULT-VALUE}.")
  private Duration replaceEvery;

  @Option(
      names = "--interval",
      paramLabel = "TIME",
      defaultValue = "5s",
      converter = AsTime.class,
      description = "How often to reckon when nothing happens. Default: ${DEFAULT-VALUE}.")
  private Duration interval;

  @Option(
      names = "--lease-duration",
      paramLabel = "TIME",
      defaultValue = "15s",
      converter = AsTime.class,
      description =
          "After how long without a word of the leading Watcher another takes over. Default: ${DEFAULT-VALUE}.")
  private Duration leaseDuration;

  @Option(
      names = "--admin",
      paramLabel = "HOST:PORT",
      defaultValue = "127.0.0.1:18090",
      converter = EnvoyBootstrapCommand.AsHostPort.class,
      description = "Where /healthz, /explain and /metrics are. Default: ${DEFAULT-VALUE}.")
  private HostPort admin;

  @Option(
      names = "--dry-run",
      description = "Change nothing, only say what would be done, leading or not.")
  private boolean dryRun;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (service == null || target == null || max == 0) {
      throw new ParameterException(
          spec.commandLine(), "--service, --target and --max are needed (or a --config with them)");
    }
    config(""); // what is wrong with the settings is said first
    KubernetesApi api = api();
    WatcherConfig checked = config(api.namespace());
    ConsulSettings access = consul.settings().withWait(CONSUL_WAIT);
    Telemetry telemetry = Telemetry.create();
    log.info(
        "watching {} in namespace {} at {}, and service {} in Consul at {}",
        target,
        api.namespace(),
        api.url(),
        service,
        access);
    CountDownLatch stop = new CountDownLatch(1);
    Signals.onTermination(stop::countDown);
    try (KubernetesWorkload workload = new KubernetesWorkload(api, target, telemetry.clock());
        Registry registry =
            new ConsulRegistry(
                access, FleetSettings.DEFAULTS, telemetry.warnings(), telemetry.clock());
        DrainOrders drainer = new ConsulDrainOrders(access)) {
      PermissionCheck.report(api, target, !dryRun);
      Leadership leadership =
          dryRun
              ? Leadership.withoutElection()
              : new LeaseLeadership(api, leaseName(), workload.owner(), identity(), leaseDuration);
      try (Watcher watcher =
          Watcher.start(checked, registry, drainer, workload, leadership, telemetry)) {
        log.debug("{} runs", watcher);
        stop.await();
        log.info("stopping; what drains goes on draining");
      }
    }
    return ExitStatus.OK;
  }

  private KubernetesApi api() {
    if (kubeconfig != null && !Files.isReadable(kubeconfig)) {
      throw new ParameterException(
          spec.commandLine(), "--kubeconfig: " + kubeconfig + " cannot be read");
    }
    try {
      return KubernetesApi.connect(Optional.ofNullable(kubeconfig), Optional.ofNullable(namespace));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private WatcherConfig config(String inNamespace) {
    try {
      WatchSettings settings =
          new WatchSettings(
              "watcher of " + inNamespace + "/" + target,
              min,
              max,
              targetLoad,
              tolerance,
              overloadedAt,
              spare,
              up,
              down,
              downWindow,
              drainTime,
              settle,
              startLimit,
              staleAfter,
              replaceAfter,
              replaceEvery);
      return new WatcherConfig(service, settings, interval, dryRun, admin.host(), admin.port());
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  private String leaseName() {
    return "bolina-watcher-" + target.plural() + "-" + target.name();
  }

  /** The pod's name on Kubernetes; the process makes it unique elsewhere. */
  private static String identity() {
    try {
      return InetAddress.getLocalHost().getHostName() + "-" + ProcessHandle.current().pid();
    } catch (UnknownHostException e) {
      log.debug("this machine has no name", e);
      return "watcher-" + ProcessHandle.current().pid();
    }
  }

  /** Reads {@code KIND/NAME}. */
  static final class AsTarget implements ITypeConverter<TargetName> {
    @Override
    public TargetName convert(String text) {
      try {
        return TargetName.parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
