package io.bolina.controlplane.limits;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * Who is at the other end of a connection.
 *
 * @param address the address and port
 * @param network what limits go by: the address, and of IPv6 the /64, since whoever has one address
 *     has all of those
 */
public record Peer(String address, String network) {
  private static final int PREFIX_BYTES = 8;

  /** At the other end of a socket. */
  public static Peer at(SocketAddress remote) {
    String address = String.valueOf(remote).replaceFirst("^/", "");
    if (remote instanceof InetSocketAddress inet && inet.getAddress() != null) {
      return new Peer(address, network(inet.getAddress()));
    }
    return new Peer(address, address);
  }

  private static String network(InetAddress address) {
    if (!(address instanceof Inet6Address)) {
      return address.getHostAddress();
    }
    byte[] prefix = Arrays.copyOf(Arrays.copyOf(address.getAddress(), PREFIX_BYTES), 16);
    try {
      return InetAddress.getByAddress(prefix).getHostAddress() + "/64";
    } catch (UnknownHostException e) {
      throw new AssertionError("16 bytes are an address", e);
    }
  }
}
