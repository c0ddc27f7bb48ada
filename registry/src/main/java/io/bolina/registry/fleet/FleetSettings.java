package io.bolina.registry.fleet;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.time.Duration;

/**
 * How long a server that cannot be seen is kept, and why it is.
 *
 * @param linger how long a server that vanished from the registry is kept for its sessions, closed
 *     to new clients. Default 10 min, which is the default session idle timeout: after it no
 *     session can be left that Envoy still knows
 * @param goneAfter how long a machine may be lost before its servers are given up and their clients
 *     moved. Default 30 s
 * @param holdLimit how long a fleet of which more than half vanished at once is kept whole before
 *     the registry is followed after all. Default 30 min
 */
public record FleetSettings(Duration linger, Duration goneAfter, Duration holdLimit) {
  public static final Setting<Duration> LINGER =
      Setting.of("linger", SettingType.time())
          .standardInWords("session-idle-timeout")
          .help(
              "How long a server that vanished from Consul is kept, closed, for its sessions. Below session-idle-timeout, sessions may be cut.");

  public static final Setting<Duration> GONE_AFTER =
      Setting.of("gone-after", SettingType.time())
          .standard("30s")
          .help(
              "How long a server's machine may be lost (serfHealth critical) before the server is given up and its clients are moved.");

  public static final Setting<Duration> HOLD_LIMIT =
      Setting.of("hold-limit", SettingType.time())
          .standard("30m")
          .help(
              "How long a fleet of which more than half vanished at once is held whole before Consul is followed.");

  public static final FleetSettings DEFAULTS = of(SettingMap.DEFAULTS, Duration.ofMinutes(10));

  /**
   * Of their settings.
   *
   * @param sessionIdleTimeout what linger is by default
   */
  public static FleetSettings of(SettingSource source, Duration sessionIdleTimeout) {
    return new FleetSettings(
        source.find(LINGER).orElse(sessionIdleTimeout),
        source.get(GONE_AFTER),
        source.get(HOLD_LIMIT));
  }
}
