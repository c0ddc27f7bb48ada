package io.bolina.registry.model;

import io.bolina.runtime.HostPort;
import java.util.Optional;

/**
 * An address and port: what an Envoy knows a server by, and what its sessions are bound to.
 *
 * @param address an IP address in its one spelling
 * @param port its UDP port
 */
public record Endpoint(String address, int port) {

  /**
   * Reads one as it is written everywhere.
   *
   * @throws IllegalArgumentException if it is no IP address and port
   */
  public static Endpoint parse(String text) {
    try {
      HostPort at = HostPort.parse(text);
      Optional<String> address = IpAddress.usable(at.host());
      if (address.isPresent() && at.port() > 0) {
        return new Endpoint(address.get(), at.port());
      }
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(notAnEndpoint(text), e);
    }
    throw new IllegalArgumentException(notAnEndpoint(text));
  }

  private static String notAnEndpoint(String text) {
    return "'" + text + "' is not an IP address and port such as 10.0.0.7:7001";
  }

  /** By hand, since every server is looked up by it with every change. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Endpoint at && port == at.port && address.equals(at.address);
  }

  @Override
  public int hashCode() {
    return 31 * address.hashCode() + port;
  }

  /** As it is written everywhere: {@code 10.0.0.1:7000} or {@code [2001:db8::1]:7000}. */
  @Override
  public String toString() {
    return address.indexOf(':') >= 0 ? "[" + address + "]:" + port : address + ":" + port;
  }
}
