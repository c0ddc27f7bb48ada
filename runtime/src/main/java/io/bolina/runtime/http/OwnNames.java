package io.bolina.runtime.http;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The names by which a program is asked. A browser that was led to another name (DNS rebinding)
 * says so in {@code Host}, and is not answered.
 *
 * @param names beside {@code localhost}, addresses of the loopback interface, and the address that
 *     was connected to; lower case
 */
public record OwnNames(List<String> names) {
  private static final Pattern IPV4 = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}");
  private static final Pattern HOST =
      Pattern.compile("(\\[[0-9A-Fa-f:.]{2,45}]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?");

  public OwnNames {
    names = names.stream().map(name -> name.toLowerCase(Locale.ROOT)).toList();
  }

  /**
   * Whether a {@code Host} header, which may have a port, names this program.
   *
   * @param local the address that was connected to
   */
  boolean have(String hostHeader, SocketAddress local) {
    var matcher = HOST.matcher(hostHeader);
    if (!matcher.matches()) {
      return false;
    }
    String host = matcher.group(1).toLowerCase(Locale.ROOT);
    if (host.endsWith(".")) {
      host = host.substring(0, host.length() - 1);
    }
    if (host.equals("localhost") || names.contains(host)) {
      return true;
    }
    Optional<InetAddress> literal = literal(host);
    return literal.isPresent()
        && (literal.get().isLoopbackAddress()
            || (local instanceof InetSocketAddress at && literal.get().equals(at.getAddress())));
  }

  /** Never a question to DNS. */
  private static Optional<InetAddress> literal(String host) {
    boolean ipv4 = IPV4.matcher(host).matches();
    if (ipv4 && !isByteByByte(host)) {
      return Optional.empty();
    }
    try {
      return ipv4 || host.startsWith("[")
          ? Optional.of(InetAddress.getByName(host))
          : Optional.empty();
    } catch (UnknownHostException e) {
      return Optional.empty();
    }
  }

  private static boolean isByteByByte(String ipv4) {
    return Pattern.compile("\\.")
        .splitAsStream(ipv4)
        .allMatch(part -> Integer.parseInt(part) <= 255);
  }
}
