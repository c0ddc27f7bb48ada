package io.bolina.controlplane.identity;

import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** A name in a certificate (subject alternative name): all that says whose it is. */
record San(Kind kind, String value) {
  /** The kinds that count. One never stands for another, whatever its text. */
  enum Kind {
    DNS,
    URI,
    IP
  }

  /** As RFC 5280 numbers them. */
  private static final int DNS_NAME = 2;

  private static final int URI_NAME = 6;
  private static final int IP_ADDRESS = 7;

  static San dns(String name) {
    return new San(Kind.DNS, name.toLowerCase(Locale.ROOT));
  }

  static San uri(String uri) {
    return new San(Kind.URI, uri);
  }

  static San ip(String address) {
    return new San(Kind.IP, address);
  }

  /** The names in a certificate. A wildcard is nobody's name. */
  static List<San> of(X509Certificate certificate) throws CertificateParsingException {
    Collection<List<?>> all = certificate.getSubjectAlternativeNames();
    List<San> sans = new ArrayList<>();
    for (List<?> name : all == null ? List.<List<?>>of() : all) {
      String value = String.valueOf(name.get(1));
      if (value.indexOf('*') >= 0) {
        continue;
      }
      switch ((Integer) name.get(0)) {
        case DNS_NAME -> sans.add(dns(value));
        case URI_NAME -> sans.add(uri(value));
        case IP_ADDRESS -> sans.add(ip(value));
        default -> {
          // Names of people and directories are no names of Envoys.
        }
      }
    }
    return sans;
  }

  /**
   * The node ids that are those of whoever has this name: the name itself, the first label of a DNS
   * name, the last segment of a URI's path.
   */
  Set<String> nodeIds() {
    Set<String> ids = new HashSet<>();
    ids.add(value);
    int end = value.indexOf('.');
    int slash = value.lastIndexOf('/');
    if (kind == Kind.DNS && end > 0) {
      ids.add(value.substring(0, end));
    } else if (kind == Kind.URI && slash > value.indexOf("://") + 2) {
      ids.add(value.substring(slash + 1));
    }
    ids.remove("");
    return ids;
  }

  @Override
  public String toString() {
    return kind + ":" + value;
  }
}
