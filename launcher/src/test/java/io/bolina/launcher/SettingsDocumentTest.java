package io.bolina.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingsDocument;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/**
 * The documents and the chart's schema say of settings what their declarations say. To rewrite
 * them: {@code mvn -pl launcher -am test -Dtest=SettingsDocumentTest
 * -Dsurefire.failIfNoSpecifiedTests=false -Dbolina.write=true}.
 */
class SettingsDocumentTest {
  private static final boolean WRITE = Boolean.getBoolean("bolina.write");
  private static final Path DOCS = Path.of("../docs");
  private static final Path SCHEMA = Path.of("../deploy/k8s/bolina/values.schema.json");

  /** What the chart sets itself, or leaves to its own values, by component. */
  private static final Map<String, Set<String>> OF_THE_CHART =
      Map.of(
          "control-plane",
          Set.of(
              "consul",
              "consul-token-file",
              "consul-ca-file",
              "consul-client-cert-file",
              "consul-client-key-file",
              "service",
              "xds",
              "admin",
              "admin-token-file",
              "state-dir",
              "session-idle-timeout",
              "max-sessions",
              "max-datagram-size",
              "overloaded-at",
              "weight-steps",
              "gate-rules",
              "log-level",
              "log-format"),
          "watcher",
          Set.of(
              "consul",
              "consul-token-file",
              "consul-ca-file",
              "consul-client-cert-file",
              "consul-client-key-file",
              "service",
              "kubeconfig",
              "namespace",
              "cluster",
              "target",
              "min",
              "max",
              "drain-time",
              "admin",
              "admin-token-file",
              "dry-run",
              "overloaded-at",
              "log-level",
              "log-format"),
          "agent",
          Set.of(
              "consul",
              "consul-token-file",
              "consul-ca-file",
              "consul-client-cert-file",
              "consul-client-key-file",
              "service",
              "id",
              "address",
              "port",
              "drain-time",
              "at-start",
              "listen",
              "listen-socket",
              "token-file",
              "overloaded-at",
              "weight-steps",
              "log-level",
              "log-format"));

  private static final Map<String, String> SETTINGS_IN_SCHEMA =
      Map.of(
          "control-plane", "/properties/controlPlane/properties/settings",
          "watcher", "/properties/watcher/properties/settings",
          "agent", "/properties/servers/properties/agent/properties/settings");

  /** Every command, by its name. */
  private static Map<String, ConfiguredCommand<?>> commands() {
    Map<String, ConfiguredCommand<?>> commands = new LinkedHashMap<>();
    add(commands, Bolina.commandLine(), "");
    return commands;
  }

  private static void add(
      Map<String, ConfiguredCommand<?>> commands, CommandLine commandLine, String prefix) {
    commandLine
        .getSubcommands()
        .forEach(
            (name, sub) -> {
              String full = (prefix + " " + name).strip();
              if (sub.getCommand() instanceof ConfiguredCommand<?> command) {
                commands.put(full, command);
              }
              add(commands, sub, full);
            });
  }

  /** Every table of settings stands between two comments. */
  @Test
  void the_page_on_configuration_has_every_setting_of_every_command() throws IOException {
    Path page = DOCS.resolve("configuration.md");
    String text = Files.readString(page);
    for (var command : commands().entrySet()) {
      text =
          replaced(text, command.getKey(), SettingsDocument.table(command.getValue().settings()));
    }
    if (WRITE) {
      Files.writeString(page, text);
    }
    assertThat(Files.readString(page)).isEqualTo(text);
  }

  private static String replaced(String text, String command, String table) {
    String begin = "<!-- settings of " + command + " -->\n";
    String end = "<!-- end -->";
    int from = text.indexOf(begin);
    assertThat(from).as("docs/configuration.md has no '%s'", begin.strip()).isNotNegative();
    int to = text.indexOf(end, from);
    return text.substring(0, from + begin.length()) + table + text.substring(to);
  }

  @ParameterizedTest
  @ValueSource(strings = {"control-plane", "watcher", "agent"})
  void the_charts_schema_has_every_setting_that_the_chart_does_not_set(String command)
      throws IOException {
    Map<String, Setting<?>> settings = new TreeMap<>();
    commands().get(command).settings().forEach(s -> settings.put(s.key(), s));
    assertThat(settings.keySet()).containsAll(OF_THE_CHART.get(command));
    settings.keySet().removeAll(OF_THE_CHART.get(command));
    // Files of the host, which a pod has not.
    settings.values().removeIf(s -> s.key().startsWith("consul-client") || s.secret());
    JsonNode expected = SettingsDocument.schema(settings.values());
    String at = SETTINGS_IN_SCHEMA.get(command) + "/properties";
    if (WRITE) {
      write(at, expected);
    }
    JsonNode actual = new JsonMapper().readTree(Files.readString(SCHEMA)).at(at);
    assertThat(sorted(actual)).isEqualTo(sorted(expected));
  }

  private static Map<String, JsonNode> sorted(JsonNode object) {
    Map<String, JsonNode> sorted = new TreeMap<>();
    object.properties().forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
    return sorted;
  }

  /** Replaces the object in the file's text, which is laid out by hand. */
  private static void write(String pointer, JsonNode properties) throws IOException {
    String text = Files.readString(SCHEMA);
    int at = 0;
    for (String step : pointer.substring(1).split("/", -1)) {
      Matcher key = Pattern.compile("\"" + step + "\": \\{").matcher(text);
      assertThat(key.find(at)).as(pointer).isTrue();
      at = key.end();
    }
    int depth = 1;
    int end = at;
    while (depth > 0) {
      depth += text.charAt(end) == '{' ? 1 : text.charAt(end) == '}' ? -1 : 0;
      end++;
    }
    StringBuilder lines = new StringBuilder();
    String indent = pointer.contains("servers") ? " ".repeat(16) : " ".repeat(12);
    for (var entry : properties.properties()) {
      lines
          .append(lines.isEmpty() ? "\n" : ",\n")
          .append(indent)
          .append('"')
          .append(entry.getKey())
          .append("\": ")
          .append(entry.getValue().toString().replace("\":", "\": ").replace(",\"", ", \""));
    }
    lines.append('\n').append(indent.substring(2)).append('}');
    Files.writeString(SCHEMA, text.substring(0, at) + lines + text.substring(end));
  }

  @Test
  void every_setting_of_one_key_and_command_is_one_declaration() {
    for (var command : commands().entrySet()) {
      List<String> keys = command.getValue().settings().stream().<String>map(Setting::key).toList();
      assertThat(keys).as(command.getKey()).doesNotHaveDuplicates();
    }
  }

  /** What means something else to each command that has it. */
  private static final Set<String> OF_EACH_COMMAND =
      Set.of("service", "xds", "admin", "sessions", "address", "port", "id", "consul");

  @Test
  void a_setting_that_several_commands_have_is_one_declaration() {
    Map<String, Set<Setting<?>>> byKey = new TreeMap<>();
    commands()
        .values()
        .forEach(
            command ->
                command
                    .settings()
                    .forEach(s -> byKey.computeIfAbsent(s.key(), k -> new HashSet<>()).add(s)));
    byKey.keySet().removeAll(OF_EACH_COMMAND);
    byKey.values().removeIf(declarations -> declarations.size() == 1);
    assertThat(byKey).isEmpty();
  }

  /**
   * But for sessions.max, as a pod is not given a million open files; and for the drain time: it
   * and the minute that the chart adds are to fit into the 10 minutes that the cluster autoscaler
   * gives a pod at most by default (--max-graceful-termination-sec).
   */
  @Test
  void the_charts_values_are_the_declared_defaults() throws IOException {
    JsonNode values =
        new YAMLMapper().readTree(Files.readString(Path.of("../deploy/k8s/bolina/values.yaml")));
    Map<String, Setting<?>> settings = new TreeMap<>();
    List.of("agent", "watcher", "control-plane")
        .forEach(c -> commands().get(c).settings().forEach(s -> settings.put(s.key(), s)));
    Map<String, String> same =
        Map.of(
            "/load/overloadedAt", "overloaded-at",
            "/load/weightSteps", "weight-steps",
            "/sessions/idleTimeout", "session-idle-timeout",
            "/sessions/maxDatagramSize", "max-datagram-size",
            "/watcher/min", "min",
            "/logFormat", "log-format");
    same.forEach(
        (pointer, key) ->
            assertThat(values.at(pointer).asText())
                .as(pointer)
                .isEqualTo(settings.get(key).standard().orElseThrow()));
    assertThat(settings.get("drain-time").standard()).hasValue("10m");
    assertThat(values.at("/servers/drainTime").asText()).isEqualTo("9m");
  }
}
