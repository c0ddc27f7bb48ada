package io.bolina.controlplane.resources;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;

/**
 * A service and where every Envoy listens for it.
 *
 * @param name the service in the registry; also the name of its cluster, listener and load
 *     assignment
 * @param listenAddress an IP address of the Envoys, often {@code 0.0.0.0}
 * @param listenPort a UDP port
 */
public record UdpService(String name, String listenAddress, int listenPort) {
  public static final Setting<UdpService> SERVICE =
      Setting.of("service", SettingType.of("NAME=HOST:PORT", UdpService::parse))
          .required()
          .repeatable()
          .help(
              "A Consul service to serve, and the UDP address on which every Envoy listens for it. Repeatable.");

  /**
   * Reads one as {@code NAME=HOST:PORT}.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static UdpService parse(String text) {
    int equals = text.indexOf('=');
    if (equals < 1) {
      throw new IllegalArgumentException(
          "'" + text + "' is not NAME=HOST:PORT, such as bolina=0.0.0.0:10000");
    }
    String name = text.substring(0, equals);
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
      throw new IllegalArgumentException(
          "'" + name + "' is not a service name: letters, digits, '.', '_' and '-' only");
    }
    HostPort at = HostPort.parse(text.substring(equals + 1));
    if (at.port() == 0) {
      throw new IllegalArgumentException("the port of '" + text + "' is 0");
    }
    try {
      return new UdpService(name, SettingType.ipAddress().parse(at.host()), at.port());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          e.getMessage() + "; Envoy listens on addresses, not names", e);
    }
  }

  /** Where Envoys listen for it. */
  public HostPort listen() {
    return new HostPort(listenAddress, listenPort);
  }
}
