package io.bolina.launcher;

import static io.bolina.runtime.setting.Setting.concat;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
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
import java.util.List;
import java.util.concurrent.CountDownLatch;
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
    log.atInfo().addKeyValue("consul", settings.consul()).log("starting control plane");
    CountDownLatch stop = Signals.stopLatch();
    try (Registry registry =
            new ConsulRegistry(settings.consul(), settings.controlPlane().fleet(), telemetry);
        ControlPlane plane = ControlPlane.start(settings.controlPlane(), registry, telemetry)) {
      if (!plane.ready()) {
        log.atInfo().log("not ready until Consul has listed every service");
      }
      stop.await();
      log.atInfo().log("stopping; Envoys keep their configuration");
    }
    return ExitStatus.OK;
  }
}
