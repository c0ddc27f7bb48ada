package io.bolina.controlplane.identity;

import com.google.common.net.InetAddresses;
import java.util.Locale;

/**
 * Which names in certificates a rule is for: {@code edge-1.example.org} that one, {@code
 * *.edges.example.org} those that end with it, {@code spiffe://example.org/edge/*} those below it.
 *
 * @param text without the {@code *}
 * @param exact whether it is for that one name alone
 */
record SanPattern(San.Kind kind, String text, boolean exact) {
  private static final String LABELS = "[A-Za-z0-9_-]+([.][A-Za-z0-9_-]+)*";

  /**
   * Reads one.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  static SanPattern parse(String written) {
    if (written.contains("://")) {
      boolean below = written.endsWith("/*");
      String text = below ? written.substring(0, written.length() - 1) : written;
      if (text.indexOf('*') >= 0 || !text.matches("[A-Za-z][A-Za-z0-9+.-]*://[^/\\s]+(/\\S*)?")) {
        throw new IllegalArgumentException(
            "'" + written + "' is not a URI such as spiffe://example.org/edge/*");
      }
      return new SanPattern(San.Kind.URI, text, !below);
    }
    if (InetAddresses.isInetAddress(written)) {
      return new SanPattern(San.Kind.IP, InetAddresses.forString(written).getHostAddress(), true);
    }
    boolean suffix = written.startsWith("*.");
    String name = suffix ? written.substring(2) : written;
    if (!name.matches(LABELS)) {
      throw new IllegalArgumentException(
          "'"
              + written
              + "' is not a name in a certificate: edge-1.example.org, *.edges.example.org, spiffe://example.org/edge/* or an IP address");
    }
    String text = (suffix ? "." : "") + name.toLowerCase(Locale.ROOT);
    return new SanPattern(San.Kind.DNS, text, !suffix);
  }

  boolean matches(San san) {
    if (san.kind() != kind) {
      return false;
    }
    if (exact) {
      return san.value().equals(text);
    }
    return san.value().length() > text.length()
        && (kind == San.Kind.DNS ? san.value().endsWith(text) : san.value().startsWith(text));
  }
}
