package io.bolina.launcher;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.InvalidConfig;
import io.bolina.controlplane.config.Setting;
import io.bolina.controlplane.config.Settings;
import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulRegistry;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.Signals;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bolina control-plane}: its options are the {@link Settings}, and {@code --config}. */
@Command(
    name = "control-plane",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    modelTransformer = ControlPlaneCommand.OptionsFromSettings.class,
    description = {
      "Watches services in Consul and feeds every Envoy that connects, so that new clients reach",
      "open servers only and known clients stay where they are.",
      ""
    },
    footer = {
      "",
      "Times are written 500ms, 30s, 10m or 1h. The same keys go into the file of --config (YAML);",
      "the command line overrules it. docs/configuration.md has an example of all.",
      "",
      "Example:",
      "  bolina control-plane --consul http://127.0.0.1:8500 --service bolina=0.0.0.0:10000 \\",
      "                       --state-dir /var/lib/bolina",
      "  bolina envoy-bootstrap --node-id edge-1 > envoy.yaml && envoy -c envoy.yaml",
      "  curl -s http://127.0.0.1:18080/fleet"
    })
final class ControlPlaneCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(ControlPlane.class);

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "YAML file with any of the settings below.")
  private Path config;

  @Option(names = "--check", description = "Check the configuration, print what is wrong, and end.")
  private boolean checkOnly;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    Settings.ForConsul settings;
    try {
      settings = Settings.read(given(), Optional.ofNullable(config), System.getenv());
    } catch (InvalidConfig e) {
      var err = spec.commandLine().getErr();
      err.println(
          e.errors().size() == 1
              ? "The configuration has an error:"
              : "The configuration has " + e.errors().size() + " errors:");
      e.errors().forEach(error -> err.println("  " + error));
      err.println("Try 'bolina control-plane --help'.");
      return ExitStatus.USAGE;
    }
    if (checkOnly) {
      spec.commandLine().getOut().println("The configuration is in order.");
      return ExitStatus.OK;
    }
    run(settings);
    return ExitStatus.OK;
  }

  private static void run(Settings.ForConsul settings) throws IOException, InterruptedException {
    PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    new JvmMemoryMetrics().bindTo(meters);
    new JvmThreadMetrics().bindTo(meters);
    new ProcessorMetrics().bindTo(meters);
    new UptimeMetrics().bindTo(meters);
    Clock clock = Clock.systemUTC();
    Warnings warnings = new Warnings(meters, clock);
    log.info("watching Consul at {}", settings.consul());
    try (JvmGcMetrics gc = new JvmGcMetrics();
        Registry registry =
            new ConsulRegistry(
                settings.consul(), settings.controlPlane().fleet(), warnings, clock);
        ControlPlane plane =
            ControlPlane.start(
                settings.controlPlane(), registry, new Telemetry(meters, warnings, clock))) {
      gc.bindTo(meters);
      CountDownLatch stop = Signals.stopLatch();
      if (!plane.ready()) {
        log.info("not ready until Consul has listed every service");
      }
      stop.await();
      log.info("stopping; the Envoys go on with what they have");
    }
  }

  private Map<String, List<String>> given() {
    Map<String, List<String>> given = new HashMap<>();
    for (Setting setting : Settings.ALL) {
      OptionSpec option = spec.findOption("--" + setting.key());
      if (spec.commandLine().getParseResult().hasMatchedOption(option)) {
        List<String> values = option.getValue();
        given.put(setting.key(), values);
      }
    }
    return given;
  }

  /** Adds an option for each setting. */
  static final class OptionsFromSettings implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec spec) {
      for (Setting setting : Settings.ALL) {
        String standard =
            setting.standard().isEmpty() ? "" : " Default: " + setting.standard() + ".";
        spec.addOption(
            OptionSpec.builder("--" + setting.key())
                .paramLabel(setting.value())
                .type(List.class)
                .auxiliaryTypes(String.class)
                .description((setting.description() + standard).replace("%", "%%"))
                .build());
      }
      return spec;
    }
  }
}
