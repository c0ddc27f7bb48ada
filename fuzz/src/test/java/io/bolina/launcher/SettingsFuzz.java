package io.bolina.launcher;

import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * All settings of a control plane, an agent or a Watcher (the first line begins with its number),
 * one a line: {@code -key=value} of the command line, {@code $VARIABLE=value} of the environment,
 * {@code @text} of the one file that settings name, and all else of the configuration file. A
 * configuration, or errors in words, and never a secret in them or in what may be logged.
 */
public final class SettingsFuzz {
  private static final String SECRET = "zq7Xk2-nobody-is-shown-this";
  private static final Pattern LINE = Pattern.compile("\n");

  /** Keys of settings that name a file or a folder: of these there is one. */
  private static final Pattern NAMES_FILE =
      Pattern.compile(".*(file|dir|rules|kubeconfig|cgroup|socket|FILE|DIR|CACERT|CERT|KEY).*");

  private static final Path YAML = file(".yaml");
  private static final Path FILE = file(".txt");

  private SettingsFuzz() {}

  private static Path file(String suffix) {
    try {
      Path shared = Path.of("/dev/shm"); // in memory
      Path file =
          Files.isWritable(shared)
              ? Files.createTempFile(shared, "bolina-fuzz", suffix)
              : Files.createTempFile("bolina-fuzz", suffix);
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static void fuzzerTestOneInput(byte[] data) throws IOException {
    Map<String, List<String>> commandLine = new HashMap<>();
    Map<String, String> environment = new TreeMap<>();
    StringBuilder yaml = new StringBuilder();
    StringBuilder file = new StringBuilder();
    String text = new String(data, StandardCharsets.UTF_8);
    if (text.contains(SECRET)) {
      return; // the fuzzer has seen it, and it may stand where none belongs
    }
    ConfiguredCommand<?> command = command(text.isEmpty() ? '0' : text.charAt(0));
    List<String> lines = LINE.splitAsStream(text).skip(1).toList();
    for (String line : lines) {
      int cut = line.indexOf('=');
      char of = line.isEmpty() ? ' ' : line.charAt(0);
      if (of == '-' && cut > 0) {
        String key = line.substring(1, cut);
        commandLine
            .computeIfAbsent(key, k -> new ArrayList<>())
            .add(value(key, line.substring(cut + 1)));
      } else if (of == '$' && cut > 0) {
        String key = line.substring(1, cut);
        environment.put(key, value(key, line.substring(cut + 1)));
      } else if (of == '@') {
        file.append(line, 1, line.length()).append('\n');
      } else {
        int colon = line.indexOf(':');
        String key = colon < 0 ? "" : line.substring(0, colon);
        yaml.append(key.isEmpty() ? line : key + ":" + value(key, line.substring(colon + 1)))
            .append('\n');
      }
    }
    Files.writeString(FILE, file.isEmpty() ? "" : file + SECRET + "\n");
    Files.writeString(YAML, yaml);
    // The command line has no options of secrets.
    command.settings().stream().filter(Setting::secret).forEach(s -> commandLine.remove(s.key()));
    configure(
        command, commandLine, yaml.isEmpty() ? Optional.empty() : Optional.of(YAML), environment);
  }

  private static ConfiguredCommand<?> command(char which) {
    return switch (which) {
      case '0' -> new ControlPlaneCommand();
      case '1' -> new AgentCommand();
      default -> new WatcherCommand();
    };
  }

  /** With the secret in it where one may be: in a password, a query of a URL, and a token. */
  private static String value(String key, String text) {
    if (NAMES_FILE.matcher(key).matches()) {
      return text.equals("DIR") ? FILE.getParent().toString() : FILE.toString();
    }
    String value = text.replace('\u001f', '\n');
    if (key.equals("consul") || key.equals("CONSUL_HTTP_ADDR") || key.equals("BOLINA_CONSUL")) {
      int at = value.lastIndexOf('@');
      int query = value.lastIndexOf('?');
      String login = at < 0 ? value : value.substring(0, at) + SECRET + value.substring(at);
      return query < 0 || query < at ? login : login + SECRET;
    }
    return key.equals("CONSUL_HTTP_TOKEN") || key.equals("BOLINA_CONSUL_TOKEN")
        ? value + SECRET
        : value;
  }

  private static void configure(
      ConfiguredCommand<?> command,
      Map<String, List<String>> commandLine,
      Optional<Path> file,
      Map<String, String> environment) {
    SettingValues values = SettingValues.read(command.settings(), commandLine, file, environment);
    try {
      Object made = values.madeOrInvalid(() -> made(command, values));
      requireNoSecret("the configuration", made.toString());
      values.warnings().forEach(warning -> requireNoSecret("a warning", warning));
    } catch (InvalidSettings e) {
      require(!e.errors().isEmpty(), "errors without words");
      for (String error : e.errors()) {
        requireNoSecret("an error", error);
        require(isNamed(command, error), "an error that says not what it is about: " + error);
      }
    }
  }

  private static Object made(ConfiguredCommand<?> command, SettingValues values) {
    if (command instanceof ControlPlaneCommand controlPlane) {
      return controlPlane.configure(values);
    }
    if (command instanceof AgentCommand agent) {
      return agent.configure(values);
    }
    return ((WatcherCommand) command).configure(values);
  }

  private static boolean isNamed(ConfiguredCommand<?> command, String error) {
    return error.contains(": ")
        && (error.contains(YAML.toString())
            || error.contains(FILE.toString())
            || command.settings().stream()
                .anyMatch(
                    s ->
                        error.contains(s.key())
                            || s.environment().stream().anyMatch(error::contains)));
  }

  private static void requireNoSecret(String what, String text) {
    require(!text.contains(SECRET), "a secret in " + what + ": " + text);
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }
}
