package io.bolina.runtime.setting;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bolina.runtime.HostPort;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a setting's value looks like, and how it is read.
 *
 * @param label what stands for a value in help, such as {@code TIME}
 * @param range what values are allowed, for people; empty if all that can be read are
 * @param parser reads a value; throws IllegalArgumentException saying what is wrong
 * @param schema a JSON schema for a value, as in the chart
 */
public record SettingType<T>(
    String label, String range, Function<String, T> parser, ObjectNode schema) {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final Pattern TIME = Pattern.compile("(\\d{1,9})(ms|s|m|h)");

  /** A value. */
  public T parse(String text) {
    return parser.apply(text);
  }

  /** The same, of which only some values are allowed. */
  public SettingType<T> within(String newRange, Predicate<T> allowed) {
    return new SettingType<>(
        label,
        newRange,
        text -> {
          T value = parser.apply(text);
          if (!allowed.test(value)) {
            throw new IllegalArgumentException("'" + text + "' is not in the range " + newRange);
          }
          return value;
        },
        schema.deepCopy());
  }

  /** Of this type, made of what another one reads. */
  public <R> SettingType<R> map(Function<T, R> made) {
    return new SettingType<>(label, range, text -> made.apply(parser.apply(text)), schema);
  }

  /** Anything a function reads; text in YAML. */
  public static <T> SettingType<T> of(String label, Function<String, T> parser) {
    return new SettingType<>(label, "", parser, schema("string"));
  }

  /** Some text, not blank. */
  public static SettingType<String> text(String label) {
    return of(
        label,
        text -> {
          if (text.isBlank()) {
            throw new IllegalArgumentException("is empty");
          }
          return text;
        });
  }

  /** A time such as {@code 500ms}, {@code 30s}, {@code 10m} or {@code 1h}. */
  public static SettingType<Duration> time() {
    ObjectNode schema = schema("string");
    schema.put("pattern", "^[0-9]{1,9}(ms|s|m|h)$");
    return new SettingType<>("TIME", "", SettingType::duration, schema);
  }

  /** A time between two others, both allowed. */
  public static SettingType<Duration> time(String least, String most) {
    Duration from = duration(least);
    Duration to = duration(most);
    return time()
        .within(least + " to " + most, t -> t.compareTo(from) >= 0 && t.compareTo(to) <= 0);
  }

  /** A whole number between two others, both allowed. */
  public static SettingType<Integer> whole(String label, int least, int most) {
    ObjectNode schema = schema("integer");
    schema.put("minimum", least);
    if (most < Integer.MAX_VALUE) {
      schema.put("maximum", most);
    }
    Function<String, Integer> parser =
        text -> {
          try {
            return Integer.valueOf(text.strip());
          } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is not a whole number", e);
          }
        };
    String range = most < Integer.MAX_VALUE ? least + " to " + most : least + " or more";
    SettingType<Integer> type =
        new SettingType<>(label, "", parser, schema).within(range, n -> n >= least && n <= most);
    return new SettingType<>(label, range, type.parser(), schema);
  }

  /**
   * The numbers that are allowed.
   *
   * @param least the smallest
   * @param leastAllowed whether it is allowed itself
   * @param most the largest; infinite if there is none
   * @param mostAllowed whether it is allowed itself
   */
  public record Bounds(double least, boolean leastAllowed, double most, boolean mostAllowed) {
    /** Above a number. */
    public static Bounds above(double least) {
      return new Bounds(least, false, Double.POSITIVE_INFINITY, false);
    }

    /** A number or more. */
    public static Bounds from(double least) {
      return new Bounds(least, true, Double.POSITIVE_INFINITY, false);
    }

    /** And up to another. */
    public Bounds upTo(double newMost) {
      return new Bounds(least, leastAllowed, newMost, true);
    }

    /** And below another. */
    public Bounds below(double newMost) {
      return new Bounds(least, leastAllowed, newMost, false);
    }

    boolean allow(double value) {
      return (leastAllowed ? value >= least : value > least)
          && (mostAllowed ? value <= most : value < most);
    }

    String words() {
      String from = (leastAllowed ? "" : "above ") + plain(least);
      return Double.isInfinite(most)
          ? from + (leastAllowed ? " or more" : "")
          : from + (mostAllowed ? " up to " : " to below ") + plain(most);
    }

    private static String plain(double value) {
      return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }

    private void into(ObjectNode schema) {
      schema.put(leastAllowed ? "minimum" : "exclusiveMinimum", least);
      if (Double.isFinite(most)) {
        schema.put(mostAllowed ? "maximum" : "exclusiveMaximum", most);
      }
    }
  }

  /** A number. */
  public static SettingType<Double> decimal(String label, Bounds bounds) {
    Function<String, Double> parser =
        text -> {
          try {
            double value = Double.parseDouble(text.strip());
            if (Double.isFinite(value)) {
              return value;
            }
          } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "' is not a number", e);
          }
          throw new IllegalArgumentException("'" + text + "' is not a finite number");
        };
    ObjectNode schema = JSON.objectNode();
    schema.putArray("type").add("number").add("string"); // as 'helm --set' gives a fraction
    schema.put("pattern", "^[0-9]+([.][0-9]+)?$");
    bounds.into(schema);
    return new SettingType<>(label, "", parser, schema).within(bounds.words(), bounds::allow);
  }

  /** Yes or no: an option without a value, {@code true} or {@code false} elsewhere. */
  public static SettingType<Boolean> flag() {
    Function<String, Boolean> parser =
        text ->
            switch (text.strip().toLowerCase(Locale.ROOT)) {
              case "true", "1", "yes" -> true;
              case "false", "0", "no" -> false;
              default -> throw new IllegalArgumentException("'" + text + "' is not true or false");
            };
    return new SettingType<>("", "", parser, schema("boolean"));
  }

  /** One of an enum's values, in lower case. */
  public static <E extends Enum<E>> SettingType<E> choice(String label, Class<E> values) {
    List<String> names =
        Arrays.stream(values.getEnumConstants()).map(SettingType::written).toList();
    ObjectNode schema = JSON.objectNode();
    names.forEach(schema.putArray("enum")::add);
    String range = String.join(", ", names);
    return new SettingType<>(
        label,
        range,
        text ->
            Stream.of(values.getEnumConstants())
                .filter(value -> written(value).equals(text.strip().toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(
                    () -> new IllegalArgumentException("'" + text + "' is none of " + range)),
        schema);
  }

  private static String written(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** A host and a port. */
  public static SettingType<HostPort> hostPort() {
    return of("HOST:PORT", HostPort::parse);
  }

  /** An address of this host to listen on: a name must resolve. */
  public static SettingType<HostPort> listenAddress() {
    return hostPort()
        .map(
            at -> {
              try {
                InetAddress.getByName(at.host());
                return at;
              } catch (UnknownHostException e) {
                throw new IllegalArgumentException(
                    "the host name '"
                        + at.host()
                        + "' cannot be resolved; use an IP address of this host, or 0.0.0.0 for all",
                    e);
              }
            });
  }

  /** An IP address, not a name. */
  public static SettingType<String> ipAddress() {
    return of(
        "IP",
        text -> {
          if (!text.matches("[0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")) {
            throw new IllegalArgumentException("'" + text + "' is not an IP address");
          }
          try {
            String canonical = InetAddress.getByName(text).getHostAddress();
            return text.indexOf(':') >= 0 ? text : canonical;
          } catch (UnknownHostException e) {
            throw new IllegalArgumentException("'" + text + "' is not an IP address", e);
          }
        });
  }

  /** The URL of a page over HTTP; {@code http://} may be left out. */
  public static SettingType<URI> url(String example) {
    return of("URL", text -> httpUrl(text, example));
  }

  private static URI httpUrl(String text, String example) {
    String full = text.strip();
    if (!full.contains("://")) {
      full = "http://" + full;
    }
    try {
      URI url = new URI(full);
      boolean http = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
      if (http && url.getHost() != null) {
        return url;
      }
    } catch (java.net.URISyntaxException e) {
      // Not as the cause: it shows the text, and with it a password.
      throw new IllegalArgumentException(notUrl(text, example));
    }
    throw new IllegalArgumentException(notUrl(text, example));
  }

  private static String notUrl(String text, String example) {
    return "'" + ShownUrl.of(text) + "' is not a URL such as " + example;
  }

  /** A path. */
  public static SettingType<Path> path(String label) {
    return of(
        label,
        text -> {
          try {
            if (text.isBlank()) {
              throw new IllegalArgumentException("is empty");
            }
            return Path.of(text);
          } catch (InvalidPathException e) {
            throw new IllegalArgumentException("'" + text + "' is not a path", e);
          }
        });
  }

  /** A file that can be read when the settings are. */
  public static SettingType<Path> readableFile() {
    return path("FILE")
        .map(
            file -> {
              if (!Files.exists(file)) {
                throw new IllegalArgumentException("file not found: " + file);
              }
              if (Files.isDirectory(file)) {
                throw new IllegalArgumentException("is a directory, not a file: " + file);
              }
              if (!Files.isReadable(file)) {
                throw new IllegalArgumentException("permission denied: cannot read " + file);
              }
              return file;
            });
  }

  /** One {@code KEY=VALUE}. */
  public static SettingType<Map.Entry<String, String>> pair() {
    return of(
        "KEY=VALUE",
        text -> {
          int equals = text.indexOf('=');
          if (equals < 1) {
            throw new IllegalArgumentException("'" + text + "' is not KEY=VALUE");
          }
          return Map.entry(text.substring(0, equals), text.substring(equals + 1));
        });
  }

  /** Reads a time; throws IllegalArgumentException saying what is wrong with the text. */
  public static Duration duration(String text) {
    Matcher matcher = TIME.matcher(text.strip());
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a time; write a whole number and ms, s, m or h, such as 30s");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofHours(number);
    };
  }

  /** A time as it would be written. */
  public static String written(Duration time) {
    long ms = time.toMillis();
    return ms % 1000 != 0
        ? ms + "ms"
        : ms % 3_600_000 == 0 && ms > 0
            ? ms / 3_600_000 + "h"
            : ms % 60_000 == 0 && ms > 0 ? ms / 60_000 + "m" : ms / 1000 + "s";
  }

  private static ObjectNode schema(String type) {
    return JSON.objectNode().put("type", type);
  }

  @Override
  public String toString() {
    return Stream.of(label, range).filter(s -> !s.isEmpty()).collect(Collectors.joining(" "));
  }
}
