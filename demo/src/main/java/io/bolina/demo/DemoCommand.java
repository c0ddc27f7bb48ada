package io.bolina.demo;

import ch.qos.logback.classic.Level;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.Signals;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.log.Logging;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code bolina demo}: Bolina at work, in one command. */
@Command(
    name = "demo",
    description = {
      "Shows what Bolina does on a real Envoy in under a minute, and ends with figures: which promises were kept.",
      "Clients arrive; servers become unhealthy or overloaded, vanish and drain; the registry fails; the control plane restarts.",
      "With the gate's module also: a flood; clients with tokens change their addresses, and their Envoy is killed.",
      "",
      "Uses 'envoy' from PATH, else installs it into ~/.cache/bolina. Needs no Consul and no Kubernetes; everything",
      "is on loopback and ends with the demo.",
      ""
    },
    footer = {"", "Exit status: 0 every promise was kept, 1 one was broken or the demo failed."})
public final class DemoCommand extends ConfiguredCommand<SettingMap> {
  private static final Setting<URI> CONSUL =
      Setting.of("consul", SettingType.url("http://127.0.0.1:8500"))
          .standardInWords("a registry in memory")
          .help("Use this Consul, under the service name 'bolina-demo'.");

  private static final Setting<Boolean> KEEP_RUNNING =
      Setting.of("keep-running", SettingType.flag())
          .standard("false")
          .help("After the last step, leave everything running until Ctrl-C.");

  private static final Setting<Integer> CLIENTS =
      Setting.of("clients", SettingType.whole("N", 10, 5000))
          .standard("200")
          .help("How many clients there are at the start.");

  private static final Setting<Boolean> PLAIN =
      Setting.of("plain", SettingType.flag())
          .standard("false")
          .help("Plain lines instead of the live table, as when the output is not a terminal.");

  @Override
  public List<Setting<?>> settings() {
    return List.of(CONSUL, KEEP_RUNNING, CLIENTS, PLAIN);
  }

  @Override
  protected SettingMap configure(SettingValues values) {
    return values.toMap();
  }

  @Override
  protected int run(SettingMap settings) throws Exception {
    Path directory = Files.createTempDirectory("bolina-demo-");
    // Standard output shows the steps; the control plane's log goes to a file.
    Logging.toFile(directory.resolve("demo.log"), Level.INFO);
    boolean terminal = Boolean.getBoolean("bolina.terminal") && !settings.get(PLAIN);
    DemoView view = terminal ? new LiveView(out()) : new PlainView(out());
    Signals.onStop(Thread.currentThread()::interrupt);
    try (Demo demo = new Demo(settings.find(CONSUL), settings.get(CLIENTS), directory, view)) {
      boolean kept = demo.run();
      if (settings.get(KEEP_RUNNING)) {
        demo.keepRunning();
      }
      return kept ? ExitStatus.OK : ExitStatus.FAILED;
    } catch (InterruptedException e) {
      view.say("interrupted; stopping");
      return ExitStatus.FAILED;
    } finally {
      view.end();
      out().flush();
    }
  }
}
