package io.bolina.registry.model;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.regex.Pattern;

/** Recognises address literals without ever asking a name service. */
public final class IpAddress {
  private static final Pattern IPV4 =
      Pattern.compile("((25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)(\\.(?!$)|$)){4}");
  private static final Pattern IPV6_CHARACTERS = Pattern.compile("[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");

  private IpAddress() {}

  /** Whether the text is an IPv4 or IPv6 literal. */
  public static boolean isLiteral(String text) {
    return text != null && (IPV4.matcher(text).matches() || parsesAsIpv6(text));
  }

  /**
   * The one spelling of an address that datagrams for one server can be sent to, as RFC 5952 has
   * it: an address has many in IPv6, and {@code ::ffff:10.0.0.1} is one of {@code 10.0.0.1}. Empty
   * if the text is no literal of such an address.
   */
  public static Optional<String> usable(String text) {
    if (!isLiteral(text)) {
      return Optional.empty();
    }
    try {
      InetAddress address = InetAddress.getByName(text); // of IPv4 for ::ffff:10.0.0.1
      byte[] bytes = address.getAddress();
      boolean one = !address.isAnyLocalAddress() && !address.isMulticastAddress();
      if (!one || isReserved(bytes)) {
        return Optional.empty();
      }
      return Optional.of(bytes.length == 4 ? address.getHostAddress() : ipv6(bytes));
    } catch (UnknownHostException e) {
      return Optional.empty();
    }
  }

  /**
   * The one spelling of an address, if datagrams can be sent to it; the text itself if not, which
   * is then no spelling of any that can.
   */
  public static String canonical(String text) {
    return usable(text).orElse(text);
  }

  /**
   * 0.0.0.0/8, which means this host or network, and 240.0.0.0/4, the broadcast address among them;
   * Envoys get tokens under some of these (docs/tokens.md).
   */
  private static boolean isReserved(byte[] address) {
    return address.length == 4 && (address[0] == 0 || (address[0] & 0xf0) == 0xf0);
  }

  /** As RFC 5952 has it: the longest run of zeroes left out, the first of several. */
  private static String ipv6(byte[] bytes) {
    int[] groups = new int[8];
    for (int i = 0; i < 8; i++) {
      groups[i] = (bytes[2 * i] & 0xff) << 8 | (bytes[2 * i + 1] & 0xff);
    }
    int from = 8;
    int longest = 1; // a single zero is written
    for (int i = 0; i < 8; i++) {
      int length = 0;
      while (i + length < 8 && groups[i + length] == 0) {
        length++;
      }
      if (length > longest) {
        from = i;
        longest = length;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      if (i == from) {
        text.append("::");
        i += longest - 1;
      } else {
        text.append(i == 0 || i == from + longest ? "" : ":")
            .append(Integer.toHexString(groups[i]));
      }
    }
    return text.toString();
  }

  private static boolean parsesAsIpv6(String text) {
    if (!IPV6_CHARACTERS.matcher(text).matches()) {
      return false;
    }
    try {
      // A text of these characters alone can never be taken for a name, so nothing is looked up.
      InetAddress.getByName(text);
      return true;
    } catch (UnknownHostException e) {
      return false;
    }
  }
}
