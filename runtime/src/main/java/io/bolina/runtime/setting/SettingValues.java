package io.bolina.runtime.setting;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * The values of a command's settings: from its command line, else the environment, else its YAML
 * file, else the default. Whatever is wrong is collected, each error with its place, and thrown as
 * a whole by {@link #throwIfInvalid}.
 */
public final class SettingValues implements SettingSource {
  private final List<Setting<?>> settings;
  private final Map<String, GivenValues> given = new HashMap<>();
  private final Map<String, List<Object>> parsed = new HashMap<>();
  private final Set<String> invalid = new HashSet<>();
  private final List<String> errors = new ArrayList<>();
  private final List<String> warnings = new ArrayList<>();

  /** Thrown where a value is needed that is missing or wrong, which has been reported. */
  private static final class NoValue extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private NoValue(String key) {
      super(key, null, false, false);
    }
  }

  private SettingValues(List<Setting<?>> settings) {
    this.settings = List.copyOf(settings);
  }

  /**
   * Reads all values.
   *
   * @param commandLine the texts by key, as given
   * @param file a YAML file, if one was given
   */
  public static SettingValues read(
      List<Setting<?>> settings,
      Map<String, List<String>> commandLine,
      Optional<Path> file,
      Map<String, String> environment) {
    SettingValues values = new SettingValues(settings);
    file.ifPresent(f -> values.given.putAll(YamlSettings.read(f, settings, values.errors)));
    for (Setting<?> setting : settings) {
      values.fromEnvironment(setting, environment);
      List<String> texts = commandLine.get(setting.key());
      if (texts != null) {
        values.given.put(setting.key(), new GivenValues(texts, "--" + setting.key()));
      }
      values.parse(setting);
    }
    return values;
  }

  private void fromEnvironment(Setting<?> setting, Map<String, String> environment) {
    for (String name : setting.environment()) {
      String text = environment.get(name);
      if (text != null && !text.isBlank()) {
        List<String> texts =
            setting.repeatable() ? List.of(text.strip().split("\\s+", -1)) : List.of(text.strip());
        given.put(setting.key(), new GivenValues(texts, name));
        return;
      }
    }
  }

  private void parse(Setting<?> setting) {
    GivenValues values = given.get(setting.key());
    if (values == null) {
      if (setting.required()) {
        error(setting, "missing; give --" + setting.key() + " " + setting.type().label());
      }
      return;
    }
    if (values.values().size() > 1 && !setting.repeatable()) {
      error(setting, "given " + values.values().size() + " times");
      return;
    }
    List<Object> all = new ArrayList<>();
    for (String text : values.values()) {
      try {
        all.add(setting.type().parse(text));
      } catch (IllegalArgumentException e) {
        error(setting, e.getMessage() + hint(values.where(), text));
      }
    }
    parsed.put(setting.key(), all);
  }

  /**
   * Kubernetes sets such a variable for a Service of that name, unless enableServiceLinks is false.
   */
  private static String hint(String where, String text) {
    return where.startsWith("BOLINA_") && text.matches("(tcp|udp)://.*")
        ? "; Kubernetes set it for a Service: set enableServiceLinks: false in the pod"
        : "";
  }

  /** The value, or the default. Inside {@link #made} where it may be missing or wrong. */
  @Override
  public <T> T get(Setting<T> setting) {
    return find(setting).orElseThrow(() -> new NoValue(setting.key()));
  }

  @Override
  @SuppressWarnings("unchecked") // parsed by the setting's own type
  public <T> List<T> all(Setting<T> setting) {
    if (!settings.contains(setting)) {
      throw new IllegalStateException(setting.key() + " is not a setting of this command");
    }
    if (invalid.contains(setting.key())) {
      throw new NoValue(setting.key());
    }
    return given.containsKey(setting.key())
        ? (List<T>) parsed.getOrDefault(setting.key(), List.of())
        : setting.standardValue();
  }

  /** All values. Inside {@link #made}, as one of them may be missing or wrong. */
  public SettingMap toMap() {
    if (!invalid.isEmpty()) {
      throw new NoValue(String.join(", ", invalid));
    }
    return new SettingMap(parsed);
  }

  /** Where a setting was given, else its key. */
  public String where(Setting<?> setting) {
    GivenValues values = given.get(setting.key());
    return values == null ? setting.key() : values.where();
  }

  /** Adds an error. */
  public void error(Setting<?> setting, String problem) {
    invalid.add(setting.key());
    errors.add(where(setting) + ": " + problem);
  }

  /** Adds errors of another place. */
  public void errors(List<String> more) {
    errors.addAll(more);
  }

  /** Adds a warning: the configuration is valid, but may not be what is meant. */
  public void warning(Setting<?> setting, String problem) {
    warnings.add(where(setting) + ": " + problem);
  }

  public List<String> warnings() {
    return List.copyOf(warnings);
  }

  /**
   * Makes something of values. Empty if one of them is missing or wrong. An
   * IllegalArgumentException becomes an error, at the place of the setting whose key its message
   * begins with.
   */
  public <R> Optional<R> made(Supplier<R> maker) {
    try {
      return Optional.of(maker.get());
    } catch (NoValue e) {
      return Optional.empty();
    } catch (IllegalArgumentException e) {
      String problem = String.valueOf(e.getMessage());
      Optional<Setting<?>> about =
          settings.stream().filter(s -> problem.startsWith(s.key() + ": ")).findFirst();
      if (about.isPresent()) {
        error(about.get(), problem.substring(about.get().key().length() + 2));
      } else {
        errors.add(problem);
      }
      return Optional.empty();
    }
  }

  /** Makes something of values, and throws all errors if there is any. */
  public <R> R madeOrInvalid(Supplier<R> maker) {
    Optional<R> result = made(maker);
    throwIfInvalid();
    return result.orElseThrow();
  }

  /** Throws all errors if there is any. */
  public void throwIfInvalid() {
    if (!errors.isEmpty()) {
      throw new InvalidSettings(errors);
    }
  }
}
