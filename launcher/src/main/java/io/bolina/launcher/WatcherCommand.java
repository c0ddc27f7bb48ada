package io.bolina.launcher;

import static io.bolina.runtime.setting.Setting.concat;

import io.bolina.registry.Catalog;
import io.bolina.registry.DrainOrders;
import io.bolina.registry.GoneReports;
import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulCatalog;
import io.bolina.registry.consul.ConsulDrainOrders;
import io.bolina.registry.consul.ConsulGoneReports;
import io.bolina.registry.consul.ConsulOptions;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.Server;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.Signals;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.log.Logging;
import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import io.bolina.watcher.Leadership;
import io.bolina.watcher.RegistryWriters;
import io.bolina.watcher.Watcher;
import io.bolina.watcher.WatcherConfig;
import io.bolina.watcher.kubernetes.KubernetesApi;
import io.bolina.watcher.kubernetes.KubernetesWorkload;
import io.bolina.watcher.kubernetes.LeaseLeadership;
import io.bolina.watcher.kubernetes.PermissionCheck;
import io.bolina.watcher.kubernetes.TargetName;
import io.bolina.watcher.planning.WatchSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;

/** {@code bolina watcher}: scales the pods. */
@Command(
    name = "watcher",
    subcommands = WatcherExplainCommand.class,
    subcommandsRepeatable = false,
    description = {
      "Scales the pods of Bolina Servers through the Kubernetes API, by health and load in Consul.",
      "A pod is removed only when its sessions have ended, or have had the drain time to.",
      ""
    },
    footer = {
      "",
      "docs/watcher.md says how it plans, and has the permissions it needs in Kubernetes and Consul.",
      "",
      "Example:",
      "  bolina watcher --consul http://127.0.0.1:8500 --service bolina --namespace games \\",
      "                 --target deployment/bolina --min 2 --max 50 --dry-run",
      "  bolina watcher explain"
    })
final class WatcherCommand extends ConfiguredCommand<WatcherCommand.OnKubernetes> {
  private static final Logger log = LoggerFactory.getLogger(Watcher.class);

  private static final Setting<Path> KUBECONFIG =
      Setting.of("kubeconfig", SettingType.readableFile())
          .standardInWords("KUBECONFIG, ~/.kube/config, or the pod's service account")
          .help("How to reach Kubernetes.");

  private static final Setting<String> NAMESPACE =
      Setting.of("namespace", SettingType.text("NAME"))
          .standardInWords("the namespace that the kubeconfig names, or the pod's")
          .help("The target's namespace.");

  private static final Setting<String> CLUSTER =
      Setting.of("cluster", SettingType.text("NAME"))
          .standardInWords("unknown: what servers say of their pods is not looked up")
          .help("What servers of this cluster have in their metadata as pod-cluster.");

  private static final Setting<TargetName> TARGET =
      Setting.of("target", SettingType.of("KIND/NAME", TargetName::parse))
          .required()
          .help(
              "What to scale: deployment/NAME, statefulset/NAME, or PLURAL.GROUP/NAME of anything with a scale subresource.");

  private static final Setting<Duration> LEASE_DURATION =
      Setting.of("lease-duration", SettingType.time("1s", "10m"))
          .standard("15s")
          .help("How long after the leading Watcher's last renewal another takes over.");

  /** Consul answers a Watcher this often at least, so that an old answer means a fault. */
  private static final Duration CONSUL_WAIT = Duration.ofSeconds(10);

  /** A Watcher's configuration, and how to reach what it works with. */
  record OnKubernetes(
      WatcherConfig watcher,
      ConsulSettings consul,
      Optional<Path> kubeconfig,
      Optional<String> namespace,
      Optional<String> cluster,
      TargetName target,
      Duration leaseDuration) {}

  @Override
  public List<Setting<?>> settings() {
    return concat(
        ConsulOptions.TO_REACH,
        List.of(Server.SERVICE, KUBECONFIG, NAMESPACE, CLUSTER, TARGET),
        WatchSettings.SETTINGS,
        WatcherConfig.SETTINGS,
        List.of(LEASE_DURATION),
        Logging.SETTINGS);
  }

  @Override
  protected OnKubernetes configure(SettingValues values) {
    ConsulSettings consul = values.made(() -> ConsulOptions.toReach(values)).orElse(null);
    WatcherConfig watcher = values.made(() -> WatcherConfig.of(values)).orElse(null);
    return new OnKubernetes(
        watcher,
        consul,
        values.find(KUBECONFIG),
        values.find(NAMESPACE),
        values.find(CLUSTER),
        values.get(TARGET),
        values.get(LEASE_DURATION));
  }

  @Override
  protected int run(OnKubernetes settings) throws IOException, InterruptedException {
    TargetName target = settings.target();
    KubernetesApi api = connect(settings);
    WatcherConfig config =
        settings.watcher().withAuthor("watcher of " + api.namespace() + "/" + target);
    boolean dryRun = config.dryRun();
    ConsulSettings consul = settings.consul().withWait(CONSUL_WAIT);
    Telemetry telemetry = Telemetry.create();
    log.atInfo()
        .addKeyValue("target", target)
        .addKeyValue("namespace", api.namespace())
        .addKeyValue("kubernetes", api.url())
        .addKeyValue("service", config.service())
        .addKeyValue("consul", consul)
        .log("starting watcher");
    CountDownLatch stop = Signals.stopLatch();
    try (KubernetesWorkload workload =
            new KubernetesWorkload(api, settings.cluster().orElse(""), target, telemetry.clock());
        Registry registry = new ConsulRegistry(consul, FleetSettings.DEFAULTS, telemetry);
        DrainOrders drainer = new ConsulDrainOrders(consul);
        GoneReports goneReports = new ConsulGoneReports(consul);
        Catalog catalog = new ConsulCatalog(consul)) {
      String lease = "bolina-watcher-" + target.plural() + "-" + target.name();
      PermissionCheck.report(api, target, dryRun ? Optional.empty() : Optional.of(lease));
      Leadership leadership =
          dryRun
              ? Leadership.withoutElection()
              : new LeaseLeadership(
                  api, lease, workload.owner(), identity(), settings.leaseDuration());
      try (Watcher watcher =
          Watcher.start(
              config,
              registry,
              new RegistryWriters(drainer, goneReports, catalog),
              workload,
              leadership,
              telemetry)) {
        log.atDebug().addKeyValue("port", watcher.port()).log("watcher running");
        stop.await();
        log.atInfo().log("stopping; drains under way go on");
      }
    }
    return ExitStatus.OK;
  }

  private static KubernetesApi connect(OnKubernetes settings) {
    try {
      return KubernetesApi.connect(settings.kubeconfig(), settings.namespace());
    } catch (IllegalArgumentException e) {
      throw new InvalidSettings(List.of(String.valueOf(e.getMessage())));
    }
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
}
