package io.bolina.controlplane.resources;

import java.time.Duration;

/**
 * How Envoy proxies UDP. A change to any of these re-creates every session of every Envoy, so they
 * change with a planned restart only.
 *
 * @param sessionIdleTimeout after how long without a datagram Envoy forgets a session. Default 10
 *     min
 * @param maxDatagramSize the largest datagram that is taken from a client or a server, in bytes;
 *     larger ones are dropped and counted by Envoy. Default 1500
 * @param maxSessions the most sessions of one service in one Envoy. Default 1,000,000, far above
 *     what file descriptors allow; Envoy's own default of 1,024 drops the 1,025th client
 */
public record ProxySettings(Duration sessionIdleTimeout, int maxDatagramSize, int maxSessions) {
  public static final ProxySettings DEFAULTS =
      new ProxySettings(Duration.ofMinutes(10), 1500, 1_000_000);

  public ProxySettings {
    if (sessionIdleTimeout.compareTo(Duration.ofSeconds(1)) < 0) {
      throw new IllegalArgumentException(
          "session-idle-timeout is " + sessionIdleTimeout + ", less than 1 s");
    }
    if (maxDatagramSize < 64 || maxDatagramSize > 65_507) {
      throw new IllegalArgumentException(
          "max-datagram-size is " + maxDatagramSize + ", not between 64 and 65507");
    }
    if (maxSessions < 1) {
      throw new IllegalArgumentException("max-sessions is " + maxSessions + ", less than 1");
    }
  }
}
