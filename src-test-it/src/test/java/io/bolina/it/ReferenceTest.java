package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.controlplane.admin.FleetPage;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * docs/reference.md lists what the sources have: metrics, kinds of bad input, log lines, and the
 * fields of /fleet. To rewrite it: {@code mvn -pl … -Dtest=ReferenceTest -Dbolina.write=true}
 * (CONTRIBUTING.md has the whole command).
 */
class ReferenceTest {
  /** The tests run in src-test-it/. */
  private static final Path HOUSE = Path.of("..");

  private static final List<String> SHIPPED =
      List.of("runtime", "registry", "control-plane", "bolina-agent", "watcher", "launcher");

  private static final Pattern METRIC =
      Pattern.compile(
          "(gauge|counter|timer|summary|TimeGauge\\.builder|Gauge\\.builder|Counter\\.builder|Timer\\.builder)\\(\\s*\"(bolina\\.[a-z.]+)\"");

  private static final Pattern KIND =
      Pattern.compile("(?:\\.warn\\(|new KeyPrefixReader<>\\(\\s*service,)\\s*\"([a-z-]+)\"");

  /** Where a log statement begins: its level. */
  private static final Pattern LEVEL =
      Pattern.compile("\\.at(Info|Warn|Error|Debug)\\(\\)|\\.(warn)\\(\\s*(?:\"[a-z-]+\"|kind)");

  private static final Pattern PLAIN_LOG =
      Pattern.compile("\\blog\\s*\\.(info|warn|error|debug)\\(");

  /** A phrase that an enum's constant has. */
  private static final Pattern CONSTANT =
      Pattern.compile("(?m)^\\s+[A-Z_]+\\(\\s*((?:\"[^\"]*\"\\s*\\+?\\s*)+)");

  private static final Pattern EVENT =
      Pattern.compile("[A-Z_]+\\(\\s*\"(\\w+)\",\\s*\"([^\"]+)\",\\s*Level\\.(\\w+)\\)");
  private static final Pattern ALARM = Pattern.compile("\\b(?:Alarm|alarm)\\(\\s*\"([a-z-]+)\"");
  private static final Pattern COMMENT = Pattern.compile("(?s)/\\*.*?\\*/");
  private static final Pattern TAG =
      Pattern.compile("(?:\\.tag\\(|Tags\\.of\\(|bolina\\.[a-z.]+\",)\\s*\"([a-z]+)\",");
  private static final Pattern UNIT = Pattern.compile("\\.baseUnit\\(\"(\\w+)\"\\)");
  private static final Pattern KEY = Pattern.compile("addKeyValue\\(\\s*\"(\\w+)\"");
  private static final Pattern TEXT = Pattern.compile("\"([^\"]*)\"");

  private record LogLine(String level, String phrase, Set<String> keys, String where) {}

  private static Map<String, String> sources(String room) throws IOException {
    Map<String, String> sources = new TreeMap<>();
    Path root = HOUSE.resolve(room).resolve("src/main/java");
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
        String source = COMMENT.matcher(Files.readString(file)).replaceAll("");
        sources.put(file.getFileName().toString().replace(".java", ""), source);
      }
    }
    return sources;
  }

  private static Map<String, String> allSources() throws IOException {
    Map<String, String> all = new TreeMap<>();
    for (String room : SHIPPED) {
      all.putAll(sources(room));
    }
    return all;
  }

  private static List<LogLine> logLines() throws IOException {
    List<LogLine> lines = new ArrayList<>();
    for (var source : allSources().entrySet()) {
      String code = source.getValue();
      for (int at = code.indexOf(".log("); at >= 0; at = code.indexOf(".log(", at + 1)) {
        String argument = argument(code, at + ".log".length());
        String statement = code.substring(Math.max(0, at - 1_500), at);
        String level = "INFO";
        int begin = 0;
        Matcher levels = LEVEL.matcher(statement);
        while (levels.find()) {
          level = levels.group(1) != null ? levels.group(1) : levels.group(2);
          begin = levels.start();
        }
        Set<String> keys = new LinkedHashSet<>();
        Matcher key = KEY.matcher(statement.substring(begin));
        while (key.find()) {
          keys.add(key.group(1));
        }
        for (String phrase : phrases(argument, code)) {
          lines.add(new LogLine(level.toUpperCase(Locale.ROOT), phrase, keys, source.getKey()));
        }
      }
      Matcher plain = PLAIN_LOG.matcher(code);
      while (plain.find()) {
        String argument = argument(code, plain.end() - 1);
        String level = plain.group(1).toUpperCase(Locale.ROOT);
        for (String phrase : phrases(argument, code)) {
          lines.add(new LogLine(level, phrase, Set.of(), source.getKey()));
        }
      }
    }
    return lines;
  }

  /** What stands between two parentheses, of which the first is at a place. */
  private static String argument(String code, int open) {
    int depth = 0;
    boolean quoted = false;
    for (int i = open; i < code.length(); i++) {
      char c = code.charAt(i);
      quoted ^= c == '"' && code.charAt(i - 1) != '\\';
      depth += quoted ? 0 : c == '(' ? 1 : c == ')' ? -1 : 0;
      if (depth == 0) {
        return code.substring(open + 1, i);
      }
    }
    throw new IllegalStateException("no end of " + code.substring(open, open + 50));
  }

  /** The phrases of an argument: one, one of two, or those of an enum's constants. */
  private static List<String> phrases(String argument, String code) {
    List<String> phrases = new ArrayList<>();
    if (!argument.contains("\"")) {
      Matcher constant = CONSTANT.matcher(code);
      while (constant.find()) {
        phrases.add(text(constant.group(1)));
      }
    } else if (argument.contains("?")) {
      for (String part : argument.split("[?:](?=\\s*\\n?\\s*\")", -1)) {
        phrases.add(text(part));
      }
      phrases.removeIf(String::isEmpty);
    } else {
      phrases.add(text(argument));
    }
    return phrases;
  }

  private static String text(String literals) {
    StringBuilder text = new StringBuilder();
    Matcher literal = TEXT.matcher(literals);
    while (literal.find()) {
      text.append(literal.group(1));
    }
    return text.toString();
  }

  /** A line is found, counted and alerted on by its phrase: what varies is a key. */
  @Test
  void a_log_line_is_a_stable_phrase() throws IOException {
    for (LogLine line : logLines()) {
      assertThat(line.phrase())
          .as("%s in %s", line.phrase(), line.where())
          .doesNotContain("{}")
          .matches("\\S.*[^\\s:.,]");
    }
  }

  @Test
  void an_event_is_logged_in_one_place() throws IOException {
    Map<String, Set<String>> places =
        logLines().stream()
            .filter(line -> !line.level().equals("DEBUG"))
            .collect(
                Collectors.groupingBy(
                    LogLine::phrase,
                    TreeMap::new,
                    Collectors.mapping(LogLine::where, Collectors.toSet())));
    // Every program may end or retry.
    places.keySet().removeAll(Set.of("unexpected error; retrying"));
    places.values().removeIf(where -> where.size() == 1);
    assertThat(places).isEmpty();
  }

  @Test
  void the_page_lists_what_there_is() throws IOException {
    Path page = HOUSE.resolve("docs/reference.md");
    String expected =
        """
        # Reference

        Written from the sources by `ReferenceTest`; what to do about each is in [operations.md](operations.md), settings are in
        [configuration.md](configuration.md).

        ## Metrics

        As Prometheus shows them. Ages are in seconds.

        """
            + metrics()
            + """

            ## Kinds of bad input

            The `kind` of `bolina_bad_input_total`, and of the log line that says what was ignored.

            """
            + kinds()
            + """

            ## Log lines

            A line is a phrase and `key=value`; with `--log-format json` an object with the phrase as `message`. DEBUG lines are left out, and so are keys that a class adds to all of its lines (`service`, `source`, `envoy`, `peer`).

            """
            + logTable()
            + """

            ## Events of the Watcher

            Each is a line of its log, counted in `bolina_watcher_events_total` by `reason`, and a Kubernetes Event on the target.

            """
            + events()
            + """

            Kinds of alarm (`bolina_watcher_alarms_total`):\s"""
            + alarms()
            + """

            ## Fields of /fleet

            """
            + fields();
    if (Boolean.getBoolean("bolina.write")) {
      Files.writeString(page, expected);
    }
    assertThat(page).content().isEqualTo(expected);
  }

  private static String metrics() throws IOException {
    Map<String, String> metrics = new TreeMap<>();
    for (var source : allSources().entrySet()) {
      Matcher metric = METRIC.matcher(source.getValue());
      while (metric.find()) {
        String type =
            metric
                .group(1)
                .replace(".builder", "")
                .replace("TimeGauge", "gauge")
                .toLowerCase(Locale.ROOT);
        Set<String> labels = new LinkedHashSet<>();
        int end = source.getValue().indexOf(';', metric.end());
        String statement = source.getValue().substring(metric.start(), end);
        Matcher unit = UNIT.matcher(statement);
        boolean age = metric.group(1).startsWith("TimeGauge");
        String name = metric.group(2) + (age ? ".seconds" : unit.find() ? "." + unit.group(1) : "");
        Matcher tag = TAG.matcher(statement);
        while (tag.find()) {
          labels.add("`" + tag.group(1) + "`");
        }
        metrics.put(
            metric.group(2),
            "| `%s` | %s | %s | %s |\n"
                .formatted(shown(name, type), type, String.join(", ", labels), source.getKey()));
      }
    }
    assertThat(metrics).isNotEmpty();
    return "| metric | type | labels | from |\n| --- | --- | --- | --- |\n"
        + String.join("", metrics.values());
  }

  private static String shown(String name, String type) {
    return name.replace('.', '_') + (type.equals("counter") ? "_total" : "");
  }

  private static String kinds() throws IOException {
    Set<String> kinds = new TreeSet<>();
    for (var source : allSources().entrySet()) {
      Matcher kind = KIND.matcher(source.getValue());
      while (kind.find()) {
        kinds.add("- `" + kind.group(1) + "`");
      }
    }
    return String.join("\n", kinds) + "\n";
  }

  private static String logTable() throws IOException {
    Set<String> rows = new TreeSet<>();
    for (LogLine line : logLines()) {
      if (!line.level().equals("DEBUG")) {
        rows.add(
            "| `"
                + line.phrase()
                + "` | "
                + line.level()
                + " | "
                + line.keys().stream().map(k -> "`" + k + "`").collect(Collectors.joining(", "))
                + " | "
                + line.where()
                + " |\n");
      }
    }
    return "| phrase | level | keys | from |\n| --- | --- | --- | --- |\n" + String.join("", rows);
  }

  private static String events() throws IOException {
    StringBuilder rows = new StringBuilder("| reason | phrase | level |\n| --- | --- | --- |\n");
    Matcher event = EVENT.matcher(allSources().get("WatcherEvent"));
    while (event.find()) {
      rows.append(
          "| `%s` | `%s` | %s |\n".formatted(event.group(1), event.group(2), event.group(3)));
    }
    return rows.toString();
  }

  private static String alarms() throws IOException {
    Set<String> kinds = new TreeSet<>();
    for (String source : allSources().values()) {
      Matcher alarm = ALARM.matcher(source);
      while (alarm.find()) {
        kinds.add("`" + alarm.group(1) + "`");
      }
    }
    assertThat(kinds).isNotEmpty();
    return String.join(", ", kinds) + ".\n";
  }

  private static String fields() {
    StringBuilder lines = new StringBuilder();
    fields(FleetPage.class, "", lines);
    return lines.toString();
  }

  private static void fields(Class<?> record, String prefix, StringBuilder lines) {
    for (RecordComponent component : record.getRecordComponents()) {
      Class<?> type = component.getType();
      String name = prefix + component.getName();
      Class<?> element = elementOf(component.getGenericType());
      Class<?> value = valueOf(component.getGenericType());
      if (value != null && value.isRecord()) {
        lines.append("- `").append(name).append("{}`\n");
        fields(value, name + "{}.", lines);
      } else if (element != null && element.isRecord()) {
        lines.append("- `").append(name).append("[]`\n");
        fields(element, name + "[].", lines);
      } else if (type.isRecord() && type.getName().startsWith("io.bolina.controlplane")) {
        lines.append("- `").append(name).append("`\n");
        fields(type, name + ".", lines);
      } else {
        lines.append("- `").append(name).append("`\n");
      }
    }
  }

  /** What a map or an optional holds; null for anything else. */
  private static Class<?> valueOf(Type type) {
    if (!(type instanceof ParameterizedType held)) {
      return null;
    }
    Type[] of = held.getActualTypeArguments();
    boolean map = held.getRawType() == Map.class;
    boolean optional = held.getRawType() == Optional.class;
    return (map || optional) && of[of.length - 1] instanceof Class<?> value ? value : null;
  }

  /** What a list holds; null for anything else. */
  private static Class<?> elementOf(Type type) {
    return type instanceof ParameterizedType list
            && list.getRawType() == List.class
            && list.getActualTypeArguments()[0] instanceof Class<?> element
        ? element
        : null;
  }
}
