package io.bolina.controlplane.resources;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.time.Duration;

/**
 * How Envoy proxies UDP. A change to any of these re-creates every session of every Envoy, so they
 * change with a planned restart only.
 *
 * @param sessionIdleTimeout after how long without a datagram Envoy forgets a session. Default 10
 *     min
 * @param maxDatagramSize the largest datagram that is taken from a client, in bytes; larger ones
 *     are dropped and counted by Envoy. Servers' answers pass whatever their size. Default 1500
 * @param maxSessions the most sessions of one service in one Envoy. Default 1,000,000, far above
 *     what file descriptors allow; Envoy's own default of 1,024 drops the 1,025th client
 */
public record ProxySettings(Duration sessionIdleTimeout, int maxDatagramSize, int maxSessions) {
  public static final Setting<Duration> SESSION_IDLE_TIMEOUT =
      Setting.of("session-idle-timeout", SettingType.time("1s", "24h"))
          .standard("10m")
          .help(
              "How long without a datagram until Envoy forgets a session. Changing it re-creates every session.");

  public static final Setting<Integer> MAX_DATAGRAM_SIZE =
      Setting.of("max-datagram-size", SettingType.whole("BYTES", 64, 65_507))
          .standard("1500")
          .help(
              "The largest datagram accepted from a client. Changing it re-creates every session.");

  public static final Setting<Integer> MAX_SESSIONS =
      Setting.of("max-sessions", SettingType.whole("N", 1, Integer.MAX_VALUE))
          .standard("1000000")
          .help(
              "The most sessions of a service in one Envoy. Changing it re-creates every session.");

  public static final ProxySettings DEFAULTS = of(SettingMap.DEFAULTS);

  /** Of their settings. */
  public static ProxySettings of(SettingSource source) {
    return new ProxySettings(
        source.get(SESSION_IDLE_TIMEOUT), source.get(MAX_DATAGRAM_SIZE), source.get(MAX_SESSIONS));
  }
}
