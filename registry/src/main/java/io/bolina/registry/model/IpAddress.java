package io.bolina.registry.model;

import java.net.InetAddress;
import java.net.UnknownHostException;
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

  /** Whether the text is a literal of an address that datagrams for one server can be sent to. */
  static boolean isUsable(String text) {
    if (!isLiteral(text)) {
      return false;
    }
    try {
      InetAddress address = InetAddress.getByName(text);
      return !address.isAnyLocalAddress()
          && !address.isMulticastAddress()
          && !isReserved(address.getAddress());
    } catch (UnknownHostException e) {
      return false;
    }
  }

  /** 240.0.0.0/4; Envoys get tokens under some of these (docs/tokens.md). */
  private static boolean isReserved(byte[] address) {
    return address.length == 4 && (address[0] & 0xf0) == 0xf0;
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
