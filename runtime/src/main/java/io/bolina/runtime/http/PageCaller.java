package io.bolina.runtime.http;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Optional;

/**
 * Who asks for a page, as far as that is known.
 *
 * @param local the address that was connected to; no IP address if it is a Unix socket
 * @param host as in the header
 * @param origin the page in a browser that made the request, if it says so
 * @param fetchSite what a browser says of how that page is related to this one
 * @param forwarded whether somebody has passed it on for another
 */
record PageCaller(
    SocketAddress remote,
    SocketAddress local,
    Optional<String> host,
    Optional<String> origin,
    Optional<String> fetchSite,
    Optional<String> authorization,
    boolean forwarded) {

  boolean overUnixSocket() {
    return !(remote instanceof InetSocketAddress) && !(local instanceof InetSocketAddress);
  }

  /** Whether it comes from this host, by whichever of its addresses, and not through it. */
  boolean fromThisHost() {
    return !forwarded && (overUnixSocket() || isLoopback(remote) || isBothEnds());
  }

  /** A connection from an address to itself never leaves the host. */
  private boolean isBothEnds() {
    return remote instanceof InetSocketAddress from
        && local instanceof InetSocketAddress to
        && from.getAddress() != null
        && from.getAddress().equals(to.getAddress());
  }

  boolean toLoopback() {
    return isLoopback(local);
  }

  private static boolean isLoopback(SocketAddress address) {
    return address instanceof InetSocketAddress inet
        && inet.getAddress() != null
        && inet.getAddress().isLoopbackAddress();
  }
}
