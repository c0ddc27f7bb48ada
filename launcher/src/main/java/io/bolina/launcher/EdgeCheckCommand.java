package io.bolina.launcher;

import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.launcher.edge.EdgeHost;
import io.bolina.launcher.edge.EdgeNeeds;
import io.bolina.launcher.edge.EdgeNeeds.HostCheck;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;

/** {@code bolina edge-check}: whether a host can run an Envoy. */
@Command(
    name = "edge-check",
    description = {
      "Checks whether this host can run an Envoy for a number of sessions.",
      "Open files, and the kernel's buffers and ports for UDP. Run it as Envoy is run (by the same unit, in the same pod), since the"
          + " limit of open files is inherited.",
      ""
    },
    footer = {
      "",
      "Exit status: 0 fit (perhaps with warnings), 1 not fit: Envoy would abort.",
      "",
      "Example:",
      "  bolina edge-check --sessions 200000",
      "  sudo bolina edge-check --sessions 200000 --tune"
    })
final class EdgeCheckCommand extends ConfiguredCommand<SettingMap> {
  static final SettingType<EdgeNeeds> NEEDS =
      SettingType.whole("N", 1, Integer.MAX_VALUE).map(EdgeNeeds::new);

  private static final Setting<EdgeNeeds> SESSIONS =
      Setting.of("sessions", NEEDS)
          .standard(ProxySettings.MAX_SESSIONS.standardInWords())
          .help("The most sessions of one Envoy: the control plane's max-sessions.");

  private static final Setting<Boolean> TUNE =
      Setting.of("tune", SettingType.flag())
          .standard("false")
          .help(
              "Raise the kernel's settings that are too low, until the next boot. Needs root; a container must be privileged.");

  @Override
  public List<Setting<?>> settings() {
    return List.of(SESSIONS, TUNE);
  }

  @Override
  protected SettingMap configure(SettingValues values) {
    return values.toMap();
  }

  @Override
  protected int run(SettingMap settings) throws IOException {
    EdgeNeeds needs = settings.get(SESSIONS);
    EdgeHost host = EdgeHost.here();
    if (settings.get(TUNE)) {
      needs.tune(host);
    }
    return report(needs, host, out()) ? ExitStatus.OK : ExitStatus.FAILED;
  }

  /** Prints what a host has and lacks, and returns whether an Envoy may run there. */
  static boolean report(EdgeNeeds needs, EdgeHost host, PrintWriter out) throws IOException {
    out.printf(Locale.ROOT, "For %,d sessions:%n", needs.sessions());
    boolean fit = true;
    for (HostCheck check : needs.compare(host)) {
      String mark = check.enough() ? "ok  " : check.fatal() ? "FAIL" : "warn";
      out.printf("  %s  %s: %s%n", mark, check.what(), check.message());
      fit &= check.enough() || !check.fatal();
    }
    out.flush();
    return fit;
  }
}
