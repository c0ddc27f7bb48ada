package io.bolina.runtime.setting;

import java.util.List;
import java.util.Optional;

/** Something that has values of settings. */
public interface SettingSource {

  /** All values of a repeatable setting, in order. */
  <T> List<T> all(Setting<T> setting);

  /** The value or the default, if there is one. */
  default <T> Optional<T> find(Setting<T> setting) {
    return all(setting).stream().findFirst();
  }

  /** The value or the default, of which there must be one. */
  <T> T get(Setting<T> setting);
}
