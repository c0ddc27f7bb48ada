package io.bolina.runtime;

import java.net.InetSocketAddress;

/**
 * A host and port, written {@code 127.0.0.1:18000}, {@code [::1]:18000} or {@code name:18000}.
 *
 * @param host an IP address or a name
 * @param port 0 to 65535; 0 lets the system choose where that makes sense
 */
public record HostPort(String host, int port) {

  /**
   * Reads what {@link #toString} writes.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static HostPort parse(String text) {
    int colon = text.lastIndexOf(':');
    if (colon < 1) {
      throw new IllegalArgumentException("'" + text + "' is not HOST:PORT");
    }
    String host = text.substring(0, colon);
    if (host.startsWith("[") && host.endsWith("]")) {
      host = host.substring(1, host.length() - 1);
    } else if (host.indexOf(':') >= 0) {
      throw new IllegalArgumentException(
          "'" + text + "' is not HOST:PORT; an IPv6 address stands in brackets: [::1]:18000");
    }
    int port;
    try {
      port = Integer.parseInt(text.substring(colon + 1));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("the port of '" + text + "' is not a number", e);
    }
    if (port < 0 || port > 65535) {
      throw new IllegalArgumentException("the port of '" + text + "' is not between 0 and 65535");
    }
    return new HostPort(host, port);
  }

  public InetSocketAddress socketAddress() {
    return new InetSocketAddress(host, port);
  }

  @Override
  public String toString() {
    return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
  }
}
