package io.bolina.launcher;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** A YAML file whose keys are a command's options without their dashes. */
final class YamlDefaults implements IDefaultValueProvider {
  private final Map<String, String> values = new HashMap<>();

  private YamlDefaults() {}

  /**
   * Reads a file.
   *
   * @throws IllegalArgumentException with everything that is wrong with it
   */
  static YamlDefaults read(Path file, CommandSpec command) {
    JsonNode yaml;
    try {
      yaml =
          YAMLMapper.builder()
              .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
              .build()
              .readTree(Files.readString(file));
    } catch (IOException e) {
      throw new IllegalArgumentException(
          file
              + " cannot be read: "
              + String.valueOf(e.getMessage()).lines().findFirst().orElse(""),
          e);
    }
    YamlDefaults defaults = new YamlDefaults();
    List<String> errors = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : yaml.properties()) {
      OptionSpec option = command.findOption("--" + entry.getKey());
      if (option == null || entry.getKey().equals("config")) {
        errors.add("there is no setting '" + entry.getKey() + "'");
      } else if (!entry.getValue().isValueNode()) {
        errors.add(entry.getKey() + " is not a single value");
      } else {
        defaults.values.put(option.longestName(), entry.getValue().asText());
      }
    }
    if (!errors.isEmpty()) {
      throw new IllegalArgumentException(file + ": " + String.join("; ", errors));
    }
    return defaults;
  }

  /**
   * Parses arguments with the file named by {@code --config} behind them, if there is one.
   *
   * @param commandLine the whole command line
   * @param commands the names of the commands that take {@code --config} this way
   */
  static void use(CommandLine commandLine, String[] arguments, String... commands) {
    if (arguments.length > 0 && List.of(commands).contains(arguments[0])) {
      CommandLine sub = commandLine.getSubcommands().get(arguments[0]);
      fileOf(List.of(arguments))
          .ifPresent(
              file -> sub.setDefaultValueProvider(read(Path.of(file), sub.getCommandSpec())));
    }
  }

  /** The file that {@code --config FILE} or {@code --config=FILE} names. */
  static Optional<String> fileOf(List<String> arguments) {
    int at = arguments.indexOf("--config");
    if (at > 0 && at + 1 < arguments.size()) {
      return Optional.of(arguments.get(at + 1));
    }
    return arguments.stream()
        .filter(argument -> argument.startsWith("--config="))
        .map(argument -> argument.substring("--config=".length()))
        .findFirst();
  }

  @Override
  public String defaultValue(ArgSpec argument) {
    return argument instanceof OptionSpec option ? values.get(option.longestName()) : null;
  }
}
