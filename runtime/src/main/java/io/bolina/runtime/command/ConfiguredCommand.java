package io.bolina.runtime.command;

import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.log.Logging;
import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * A command whose options are its settings, and {@code --config} and {@code --check}. Everything
 * that is wrong with them is reported at once, each with its place.
 *
 * @param <C> what is made of the settings
 */
@Command(
    mixinStandardHelpOptions = true,
    sortOptions = false,
    abbreviateSynopsis = true,
    modelTransformer = ConfiguredCommand.OptionsOfSettings.class)
public abstract class ConfiguredCommand<C> implements Callable<Integer> {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "YAML file of 'key: value' with any of the settings below. The command line goes before the environment (BOLINA_KEY), which goes before the file.")
  private Path config;

  @Option(
      names = "--check",
      description = "Check the configuration, print what is wrong, and exit.")
  private boolean checkOnly;

  @Spec private CommandSpec spec;

  private final List<String> parseErrors = new ArrayList<>();

  /** The settings, in the order in which help lists them. */
  public abstract List<Setting<?>> settings();

  /**
   * Makes a configuration of the values. It changes nothing, since {@code --check} does only this.
   */
  protected abstract C configure(SettingValues values);

  /** Runs, and returns the exit status. */
  protected abstract int run(C configuration) throws Exception;

  @Override
  public final Integer call() throws Exception {
    C configuration;
    List<String> warnings;
    try {
      SettingValues values =
          SettingValues.read(settings(), given(), Optional.ofNullable(config), System.getenv());
      values.errors(parseErrors);
      configuration = values.madeOrInvalid(() -> configure(values));
      warnings = values.warnings();
      if (settings().contains(Logging.LEVEL)) {
        Logging.toStandardError(values.get(Logging.LEVEL), values.get(Logging.FORMAT));
      }
    } catch (InvalidSettings e) {
      reportErrors(err(), spec, e.errors());
      return ExitStatus.USAGE;
    }
    if (checkOnly) {
      warnings.forEach(warning -> out().println("warning: " + warning));
      out().println("configuration valid");
      return ExitStatus.OK;
    }
    Logger log = LoggerFactory.getLogger(getClass());
    warnings.forEach(w -> log.atWarn().addKeyValue("reason", w).log("questionable configuration"));
    try {
      return run(configuration);
    } catch (InvalidSettings e) { // which could not be known before
      reportErrors(err(), spec, e.errors());
      return ExitStatus.USAGE;
    }
  }

  /** Errors of the command line, which are reported with all others. */
  public void parseErrors(List<String> errors) {
    parseErrors.addAll(errors);
  }

  /** Reports errors of a command line or a configuration. */
  public static void reportErrors(PrintWriter err, CommandSpec spec, List<String> errors) {
    err.println(
        errors.size() == 1
            ? "error: invalid configuration:"
            : "error: invalid configuration, " + errors.size() + " errors:");
    errors.forEach(error -> err.println("  " + error));
    err.println("See '" + spec.qualifiedName() + " --help'.");
    err.flush();
  }

  protected PrintWriter out() {
    return spec.commandLine().getOut();
  }

  protected PrintWriter err() {
    return spec.commandLine().getErr();
  }

  private Map<String, List<String>> given() {
    Map<String, List<String>> given = new HashMap<>();
    for (Setting<?> setting : settings()) {
      OptionSpec option = spec.findOption("--" + setting.key());
      if (option != null && spec.commandLine().getParseResult().hasMatchedOption(option)) {
        List<String> values =
            isFlag(setting) ? List.of(option.getValue().toString()) : option.getValue();
        given.put(setting.key(), values);
      }
    }
    return given;
  }

  private static boolean isFlag(Setting<?> setting) {
    return setting.type().label().isEmpty();
  }

  /** Adds an option for each setting. */
  static final class OptionsOfSettings implements IModelTransformer {
    @Override
    public CommandSpec transform(CommandSpec spec) {
      if (spec.userObject() instanceof ConfiguredCommand<?> command) {
        for (Setting<?> setting : command.settings()) {
          if (!setting.secret()) {
            spec.addOption(option(setting));
          }
        }
      }
      return spec;
    }

    private static OptionSpec option(Setting<?> setting) {
      OptionSpec.Builder option =
          OptionSpec.builder("--" + setting.key())
              .description(setting.description().replace("%", "%%"));
      return isFlag(setting)
          ? option.type(boolean.class).build()
          : option
              .type(List.class)
              .auxiliaryTypes(String.class)
              .paramLabel(setting.type().label())
              .build();
    }
  }
}
