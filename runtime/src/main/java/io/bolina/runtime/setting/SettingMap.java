package io.bolina.runtime.setting;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Values of settings, immutable; what was not given has its default.
 *
 * @param values by key
 */
public record SettingMap(Map<String, List<Object>> values) implements SettingSource {
  /** Nothing given. */
  public static final SettingMap DEFAULTS = new SettingMap(Map.of());

  public SettingMap {
    values = Map.copyOf(values);
  }

  /** The same with another value. */
  public <T> SettingMap with(Setting<T> setting, T value) {
    return withAll(setting, List.of(value));
  }

  /** The same with other values. */
  public <T> SettingMap withAll(Setting<T> setting, List<T> newValues) {
    Map<String, List<Object>> more = new HashMap<>(values);
    more.put(setting.key(), List.copyOf(newValues));
    return new SettingMap(more);
  }

  /** What was given, without the values: some are secrets, and this may come to be logged. */
  @Override
  public String toString() {
    return "settings given: " + new TreeSet<>(values.keySet());
  }

  @Override
  @SuppressWarnings("unchecked") // put in by the setting's own type
  public <T> List<T> all(Setting<T> setting) {
    List<Object> given = values.get(setting.key());
    return given != null ? (List<T>) given : setting.standardValue();
  }

  @Override
  public <T> T get(Setting<T> setting) {
    Optional<T> value = find(setting);
    return value.orElseThrow(
        () -> new IllegalStateException(setting.key() + " was not given and has no default"));
  }
}
