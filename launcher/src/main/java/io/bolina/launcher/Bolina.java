package io.bolina.launcher;

import io.bolina.runtime.ExitStatus;
import java.util.Locale;
import java.util.ServiceLoader;
import java.util.logging.LogManager;
import org.slf4j.bridge.SLF4JBridgeHandler;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line: {@code ./bolina}. */
@Command(
    name = "bolina",
    mixinStandardHelpOptions = true,
    versionProvider = Bolina.Version.class,
    description = {
      "Lets a fleet of UDP servers grow, shrink and fall ill behind Envoy without breaking one client's connection.",
      ""
    },
    subcommands = {
      ControlPlaneCommand.class,
      EnvoyBootstrapCommand.class,
      EdgeCheckCommand.class,
      AgentCommand.class,
      WatcherCommand.class,
      SmokeCommand.class
    },
    footer = {
      "",
      "First steps:",
      "  bolina demo                       the main job, played on a real Envoy in a minute",
      "  bolina control-plane --help       run it on your Consul",
      "  bolina agent --help               let a server report there",
      "  bolina edge-check --help          whether a host is fit for an Envoy",
      "  bolina watcher --help             scale the servers' pods on Kubernetes",
      "",
      "Exit status: 0 all went well, 1 it failed (demo: a promise was broken), 2 wrong usage or configuration."
    })
public final class Bolina implements Runnable {
  @Spec private CommandSpec spec;

  private Bolina() {}

  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    LogManager.getLogManager().reset();
    SLF4JBridgeHandler.install();
    CommandLine commandLine = commandLine();
    try {
      YamlDefaults.use(commandLine, arguments, "agent", "watcher");
    } catch (IllegalArgumentException e) {
      System.err.println("The configuration has an error: " + e.getMessage());
      System.exit(ExitStatus.USAGE);
    }
    System.exit(commandLine.execute(arguments));
  }

  static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Bolina());
    ServiceLoader.load(CommandProvider.class).forEach(p -> commandLine.addSubcommand(p.command()));
    return commandLine
        .setUsageHelpWidth(110)
        .setUsageHelpLongOptionsMaxWidth(38)
        .setExecutionExceptionHandler(
            (e, command, parsed) -> {
              command
                  .getErr()
                  .println(command.getColorScheme().errorText("error: " + e.getMessage()));
              if (System.getenv("BOLINA_DEBUG") != null) {
                e.printStackTrace(command.getErr());
              }
              return ExitStatus.FAILED;
            });
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "Which command?");
  }

  /** The version, from the jar's manifest. */
  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Bolina.class.getPackage().getImplementationVersion();
      return new String[] {"bolina " + (version == null ? "(not from a jar)" : version)};
    }
  }
}
