package io.bolina.controlplane.resources;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * A service and where every Envoy listens for it.
 *
 * @param name the service in the registry; also the name of its cluster, listener and load
 *     assignment
 * @param listenAddress an IP address of the Envoys, often {@code 0.0.0.0}
 * @param listenPort a UDP port
 * @param hash what a new client's server is chosen by
 * @param healthCheck Envoy's own check of each server; none by default
 * @param routeEachDatagram whether Envoys that choose servers by tokens do so for each datagram,
 *     not only for a session's first one
 * @param preferGro whether Envoys take several datagrams that the kernel has merged; where it is
 *     not set, those that choose servers by tokens do
 */
public record UdpService(
    String name,
    String listenAddress,
    int listenPort,
    ClientHash hash,
    Optional<ActiveHealthCheck> healthCheck,
    boolean routeEachDatagram,
    Optional<Boolean> preferGro) {
  public static final Setting<UdpService> SERVICE =
      Setting.of("service", SettingType.of("NAME=HOST:PORT", UdpService::parse))
          .required()
          .repeatable()
          .help(
              "A Consul service to serve, and the UDP address on which every Envoy listens for it. Repeatable.");

  public static final Setting<Map.Entry<String, ClientHash>> HASH =
      Setting.of(
              "hash",
              ofService("source-ip|none", SettingType.choice("HASH", ClientHash.class)::parse))
          .standardInWords("source-ip")
          .repeatable()
          .help(
              "What a new client's server is chosen by, for one service: source-ip keeps all clients behind one address (NAT) on one server; none spreads them, and a returning client may get another server. Repeatable. Changing it re-creates every session of the service (docs/envoy-sessions.md).");

  public static final Setting<Map.Entry<String, ActiveHealthCheck>> HEALTH_CHECK =
      Setting.of("health-check", ofService(ActiveHealthCheck.LABEL, ActiveHealthCheck::parse))
          .standardInWords("none")
          .repeatable()
          .help(
              "Every Envoy's own check of each server of one service: a server that fails it loses its sessions. Not for most fleets: docs/envoy-sessions.md says for whom. Repeatable. Changing it re-creates every session of the service.");

  public static final Setting<Map.Entry<String, Boolean>> ROUTE_EACH_DATAGRAM =
      Setting.of("route-each-datagram", ofService("true|false", SettingType.flag()::parse))
          .standardInWords("false")
          .repeatable()
          .help(
              "Whether Envoys that choose servers by tokens do so for each datagram of one service, and not only for a session's first one (docs/tokens.md). Repeatable. Changing it re-creates every session of the service on such Envoys.");

  public static final Setting<Map.Entry<String, Boolean>> PREFER_GRO =
      Setting.of("prefer-gro", ofService("true|false", SettingType.flag()::parse))
          .standardInWords("true for Envoys that choose servers by tokens, else false")
          .repeatable()
          .help(
              "Whether Envoys take apart what the kernel has merged of one client's datagrams (generic receive offload), for one service. Without it an Envoy drops them (docs/envoy-sessions.md); with it, one datagram costs about a tenth more. Repeatable. Changing it re-creates every session of the service.");

  /** With every option at its default. */
  public UdpService(String name, String listenAddress, int listenPort) {
    this(
        name,
        listenAddress,
        listenPort,
        ClientHash.SOURCE_IP,
        Optional.empty(),
        false,
        Optional.empty());
  }

  private static <T> SettingType<Map.Entry<String, T>> ofService(
      String label, Function<String, T> option) {
    return SettingType.of(
        "NAME=" + label,
        text -> {
          Map.Entry<String, String> pair = SettingType.pair().parse(text);
          return Map.entry(pair.getKey(), option.apply(pair.getValue()));
        });
  }

  public UdpService with(ClientHash newHash) {
    return new UdpService(
        name, listenAddress, listenPort, newHash, healthCheck, routeEachDatagram, preferGro);
  }

  public UdpService with(ActiveHealthCheck newCheck) {
    return new UdpService(
        name, listenAddress, listenPort, hash, Optional.of(newCheck), routeEachDatagram, preferGro);
  }

  /** With the choice made for each datagram, or for sessions. */
  public UdpService withRouteEachDatagram(boolean each) {
    return new UdpService(name, listenAddress, listenPort, hash, healthCheck, each, preferGro);
  }

  /** With merged datagrams taken apart, or not, by every Envoy. */
  public UdpService withPreferGro(boolean gro) {
    return new UdpService(
        name, listenAddress, listenPort, hash, healthCheck, routeEachDatagram, Optional.of(gro));
  }

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
    if (EnvoyResources.isReserved(name)) {
      throw new IllegalArgumentException(
          "'" + name + "' begins with what the names of Bolina's own clusters begin with");
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

  /** Whether Envoys listen on all their addresses of both families: {@code ::}. */
  boolean listensOnAnyIpv6() {
    return isAnyIpv6(listenAddress);
  }

  /** An Envoy listens there for IPv6 alone, unless it is told otherwise. */
  static boolean isAnyIpv6(String address) {
    return address.matches("[0:]*:[0:]*");
  }

  /** Where Envoys listen for it. */
  public HostPort listen() {
    return new HostPort(listenAddress, listenPort);
  }
}
