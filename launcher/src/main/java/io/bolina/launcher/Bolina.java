package io.bolina.launcher;

import ch.qos.logback.classic.Level;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.log.Logging;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.ServiceLoader;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** The command line: {@code ./bolina}. */
@Command(
    name = "bolina",
    mixinStandardHelpOptions = true,
    versionProvider = Bolina.Version.class,
    description = {
      "Lets a fleet of UDP servers grow, shrink and fail behind Envoy without breaking one client's connection.",
      ""
    },
    subcommands = {
      ControlPlaneCommand.class,
      EnvoyBootstrapCommand.class,
      EdgeCheckCommand.class,
      AgentCommand.class,
      WatcherCommand.class,
      TokenCommand.class,
      SmokeCommand.class
    },
    footer = {
      "",
      "First steps:",
      "  bolina demo                       see it work on a real Envoy, in under a minute",
      "  bolina control-plane --help       run it on your Consul",
      "  bolina agent --help               register a server there and report for it",
      "  bolina edge-check --help          check whether a host can run an Envoy",
      "  bolina watcher --help             scale the servers' pods on Kubernetes",
      "",
      "Every setting of a command can also stand in the YAML file of --config, and in the environment as BOLINA_KEY.",
      "Exit status: 0 success, 1 failure (demo: a promise was broken), 2 invalid command line or configuration."
    })
public final class Bolina implements Runnable {
  @Spec private CommandSpec spec;

  private Bolina() {}

  public static void main(String[] arguments) {
    Locale.setDefault(Locale.ROOT);
    Logging.toStandardError(Level.WARN, Logging.Format.TEXT);
    System.exit(commandLine().execute(arguments));
  }

  /** The whole command line. */
  public static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Bolina());
    ServiceLoader.load(CommandProvider.class)
        .forEach(provider -> provider.commands().forEach(command -> add(commandLine, command)));
    collectErrors(commandLine);
    return commandLine
        .setUsageHelpWidth(110)
        .setUsageHelpLongOptionsMaxWidth(38)
        .setExecutionStrategy(Bolina::execute)
        .setParameterExceptionHandler(
            (e, given) -> {
              ConfiguredCommand.reportErrors(
                  e.getCommandLine().getErr(),
                  e.getCommandLine().getCommandSpec(),
                  List.of(said(e)));
              return ExitStatus.USAGE;
            })
        .setExecutionExceptionHandler(
            (e, command, parsed) -> {
              command
                  .getErr()
                  .println(command.getColorScheme().errorText("error: " + FailureReason.of(e)));
              if (System.getenv("BOLINA_DEBUG") != null) {
                e.printStackTrace(command.getErr());
              }
              return ExitStatus.FAILED;
            });
  }

  /** As a command line of its own: picocli gives options of settings to no other that is added. */
  private static void add(CommandLine commandLine, Object command) {
    commandLine.addSubcommand(new CommandLine(command));
  }

  /** What is wrong with the command line is reported with what is wrong with the settings. */
  private static void collectErrors(CommandLine commandLine) {
    commandLine.getCommandSpec().parser().collectErrors(true);
    commandLine.getSubcommands().values().forEach(Bolina::collectErrors);
  }

  private static int execute(ParseResult parsed) {
    List<String> errors = new ArrayList<>();
    ParseResult last = parsed;
    boolean help = false;
    while (true) {
      last.errors().forEach(e -> errors.add(said(e)));
      help |= last.isUsageHelpRequested() || last.isVersionHelpRequested();
      if (!last.hasSubcommand()) {
        break;
      }
      last = last.subcommand();
    }
    if (!help && !errors.isEmpty()) {
      if (last.commandSpec().userObject() instanceof ConfiguredCommand<?> command) {
        command.parseErrors(errors);
      } else {
        ConfiguredCommand.reportErrors(
            last.commandSpec().commandLine().getErr(), last.commandSpec(), errors);
        return ExitStatus.USAGE;
      }
    }
    return new CommandLine.RunLast().execute(parsed);
  }

  private static String said(Exception e) {
    if (e instanceof CommandLine.UnmatchedArgumentException unmatched) {
      String suggestion = String.join("' or '", unmatched.getSuggestions());
      return String.join(" ", unmatched.getUnmatched())
          + ": no such "
          + (unmatched.isUnknownOption() ? "option" : "command or argument")
          + (suggestion.isEmpty() ? "" : "; did you mean '" + suggestion + "'?");
    }
    return FailureReason.of(e);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
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
