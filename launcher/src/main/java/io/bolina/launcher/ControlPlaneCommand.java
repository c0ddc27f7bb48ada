package io.bolina.launcher;

import static io.bolina.runtime.setting.Setting.concat;

import com.sun.management.OperatingSystemMXBean;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.limits.MemoryPlan;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.stream.DirectMemory;
import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulOptions;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.Signals;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.log.Logging;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;

/** {@code bolina control-plane}. */
@Command(
    name = "control-plane",
    description = {
      "Serves every Envoy that connects: new clients reach open servers, known ones stay.",
      "Watches services in Consul and feeds Envoys over xDS, with no restart.",
      ""
    },
    footer = {
      "",
      "Times are written 500ms, 30s, 10m or 1h. docs/configuration.md has an example of all settings.",
      "",
      "Example:",
      "  bolina control-plane --consul http://127.0.0.1:8500 --service bolina=0.0.0.0:10000 \\",
      "                       --state-dir /var/lib/bolina",
      "  bolina envoy-bootstrap --node-id edge-1 > envoy.yaml && envoy -c envoy.yaml",
      "  curl -s http://127.0.0.1:18080/fleet"
    })
final class ControlPlaneCommand
    extends ConfiguredCommand<ControlPlaneCommand.ControlPlaneSettings> {
  private static final Logger log = LoggerFactory.getLogger(ControlPlane.class);

  /** So long connections may be deaf. */
  private static final int EXHAUSTED_S = 10;

  /** The settings of a control plane and of its registry. */
  record ControlPlaneSettings(ControlPlaneConfig controlPlane, ConsulSettings consul) {}

  @Override
  public List<Setting<?>> settings() {
    return concat(ControlPlaneConfig.SETTINGS, Logging.SETTINGS);
  }

  @Override
  protected ControlPlaneSettings configure(SettingValues values) {
    ConsulSettings consul = values.made(() -> ConsulOptions.toWatch(values)).orElse(null);
    return new ControlPlaneSettings(ControlPlaneConfig.of(values), consul);
  }

  @Override
  protected int run(ControlPlaneSettings settings) throws IOException, InterruptedException {
    Telemetry telemetry = Telemetry.ofProcess();
    MemoryPlan memory = memory();
    DirectMemory.limit(memory.direct());
    say(memory, XdsLimits.of(settings.controlPlane().settings()));
    log.atInfo().addKeyValue("consul", settings.consul()).log("starting control plane");
    CountDownLatch stop = Signals.stopLatch();
    try (Registry registry =
            new ConsulRegistry(settings.consul(), settings.controlPlane().fleet(), telemetry);
        ControlPlane plane = ControlPlane.start(settings.controlPlane(), registry, telemetry)) {
      if (!plane.ready()) {
        log.atInfo().log("not ready until Consul has listed every service");
      }
      awaitStopOrExhaustion(stop);
      log.atInfo().log("stopping; Envoys keep their configuration");
    }
    return ExitStatus.OK;
  }

  /** What there is: of the container or the unit, if that has a limit. */
  private static MemoryPlan memory() {
    long limit =
        ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
    return new MemoryPlan(limit, Runtime.getRuntime().maxMemory());
  }

  /** What fits into the memory there is; a warning if it is less than it promises. */
  private static void say(MemoryPlan memory, XdsLimits limits) {
    log.atInfo()
        .addKeyValue("limit-mib", memory.limit() >> 20)
        .addKeyValue("heap-mib", memory.heap() >> 20)
        .addKeyValue("direct-mib", memory.direct() >> 20)
        .addKeyValue("envoys", memory.streams())
        .addKeyValue("servers-with-100-envoys", memory.servers(100, limits.held()))
        .addKeyValue("servers-with-1000-envoys", memory.servers(1_000, limits.held()))
        .log("memory");
    if (memory.overcommitted() || memory.servers(100, limits.held()) == 0) {
      log.atWarn()
          .addKeyValue("limit-mib", memory.limit() >> 20)
          .addKeyValue("heap-mib", memory.heap() >> 20)
          .addKeyValue(
              "hint",
              "raise the container's or the unit's limit of memory (docs/operations.md, Sizing), or lower xds-max-held")
          .log("memory is too small; expect the process to end under load");
    }
  }

  /**
   * A process whose connections are deaf is of less use than none: it ends, to be started again.
   */
  private static void awaitStopOrExhaustion(CountDownLatch stop) throws InterruptedException {
    int exhausted = 0;
    while (!stop.await(1, TimeUnit.SECONDS)) {
      Optional<String> why = DirectMemory.exhausted();
      exhausted = why.isPresent() ? exhausted + 1 : 0;
      if (exhausted >= EXHAUSTED_S) {
        log.atError()
            .addKeyValue("reason", why.orElseThrow())
            .addKeyValue("hint", "raise the limit of memory (docs/operations.md, Sizing)")
            .log("out of memory; ending");
        // What is exhausted may be needed to end in order.
        Runtime.getRuntime().halt(ExitStatus.FAILED);
      }
    }
  }
}
