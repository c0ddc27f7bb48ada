package io.bolina.registry.model;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * A network of source addresses, written {@code 10.0.0.0/8} or {@code 2001:db8::/32}.
 *
 * @param address its first address, as Java writes it
 * @param prefix how many bits of an address say that it is in the network: 0 to 32, or to 128
 */
public record Network(String address, int prefix) implements Comparable<Network> {
  private static final Comparator<Network> ORDER =
      Comparator.comparing(Network::isIpv6)
          .thenComparing(Network::address)
          .thenComparing(Network::prefix);

  /**
   * Reads a network, or an address alone, which is a network of one. Bits of the address beyond the
   * prefix mean nothing and are dropped: {@code 10.1.2.3/8} is {@code 10.0.0.0/8}.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static Network parse(String text) {
    int slash = text.indexOf('/');
    String address = slash < 0 ? text : text.substring(0, slash);
    if (!IpAddress.isLiteral(address)) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a network such as 10.0.0.0/8, 2001:db8::/32 or 192.0.2.7");
    }
    byte[] bytes = bytes(address);
    int bits = bytes.length * 8;
    int prefix = bits;
    if (slash >= 0) {
      String after = text.substring(slash + 1);
      prefix = after.matches("\\d{1,3}") ? Integer.parseInt(after) : -1;
      if (prefix < 0 || prefix > bits) {
        throw new IllegalArgumentException(
            "'" + text + "' is not a network: what follows the slash is not 0 to " + bits);
      }
    }
    for (int bit = prefix; bit < bits; bit++) {
      bytes[bit / 8] &= (byte) ~(0x80 >> (bit % 8));
    }
    try {
      return new Network(InetAddress.getByAddress(bytes).getHostAddress(), prefix);
    } catch (UnknownHostException e) {
      throw new IllegalStateException("an address of " + bytes.length + " bytes", e);
    }
  }

  /** The same networks in one order, each once. */
  public static List<Network> inOrder(Collection<Network> networks) {
    return networks.stream().distinct().sorted().toList();
  }

  /** Whether every address of its family is in it. */
  public boolean coversEverything() {
    return prefix == 0;
  }

  private boolean isIpv6() {
    return address.indexOf(':') >= 0;
  }

  @Override
  public int compareTo(Network other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return address + "/" + prefix;
  }

  private static byte[] bytes(String literal) {
    try {
      return InetAddress.getByName(literal).getAddress(); // a literal: nothing is looked up
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("'" + literal + "' is not an address", e);
    }
  }
}
