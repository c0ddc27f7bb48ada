package io.bolina.launcher;

import io.bolina.launcher.edge.EdgeHost;
import io.bolina.launcher.edge.EdgeNeeds;
import io.bolina.launcher.edge.EdgeNeeds.Finding;
import io.bolina.runtime.ExitStatus;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code bolina edge-check}: whether a host is fit for an Envoy. */
@Command(
    name = "edge-check",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Looks whether this host gives an Envoy what it needs for so many sessions: open files, and the kernel's buffers and ports for",
      "UDP. Run it as Envoy is run (by the same unit, in the same pod), since the limit of open files is inherited.",
      ""
    },
    footer = {
      "",
      "Exit status: 0 fit (with warnings, perhaps), 1 not fit: Envoy would abort.",
      "",
      "Example:",
      "  bolina edge-check --sessions 200000",
      "  sudo bolina edge-check --sessions 200000 --tune"
    })
final class EdgeCheckCommand implements Callable<Integer> {
  @Option(
      names = "--sessions",
      paramLabel = "N",
      defaultValue = "1000000",
      converter = AsNeeds.class,
      description =
          "The most sessions of one Envoy: the control plane's max-sessions. Default: ${DEFAULT-VALUE}.")
  private EdgeNeeds needs;

  @Option(
      names = "--tune",
      description =
          "Raise the kernel's settings that are too low, until the next boot. Needs root; a container must be privileged.")
  private boolean tune;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException {
    EdgeHost host = EdgeHost.here();
    if (tune) {
      needs.tune(host);
    }
    return report(needs, host, spec.commandLine().getOut()) ? ExitStatus.OK : ExitStatus.FAILED;
  }

  /** Prints what a host has and lacks, and returns whether an Envoy may run there. */
  static boolean report(EdgeNeeds needs, EdgeHost host, PrintWriter out) throws IOException {
    out.printf(Locale.ROOT, "For %,d sessions:%n", needs.sessions());
    boolean fit = true;
    for (Finding finding : needs.compare(host)) {
      String mark = finding.enough() ? "ok  " : finding.grave() ? "FAIL" : "warn";
      out.printf("  %s  %s: %s%n", mark, finding.what(), finding.words());
      fit &= finding.enough() || !finding.grave();
    }
    out.flush();
    return fit;
  }

  /** Reads a number of sessions. */
  static final class AsNeeds implements ITypeConverter<EdgeNeeds> {
    @Override
    public EdgeNeeds convert(String text) {
      try {
        return new EdgeNeeds(Long.parseLong(text));
      } catch (NumberFormatException e) {
        throw new TypeConversionException("is '" + text + "', not a whole number");
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
