package io.bolina.registry.model;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * An order, kept in the registry, that a server is to take no new clients. It holds until it is
 * called off, whatever happens to the server's process or to whoever gave it.
 *
 * @param by who gave it, e.g. {@code watcher}
 * @param since when it was given
 * @param reason why, for people
 * @param notes what its author wants to find again, by name
 */
public record DrainOrder(String by, Instant since, String reason, Map<String, String> notes) {
  public static final Setting<Duration> DRAIN_TIME =
      Setting.of("drain-time", SettingType.time())
          .standard("10m")
          .help(
              "How long sessions may take to end when a server drains. The same for agents and Watcher.");

  public DrainOrder {
    notes = Collections.unmodifiableMap(new TreeMap<>(notes));
  }

  /** As it is shown to people: {@code ordered by watcher: scale-down to 3}. */
  @Override
  public String toString() {
    return "ordered" + (by.isEmpty() ? "" : " by " + by) + (reason.isEmpty() ? "" : ": " + reason);
  }
}
