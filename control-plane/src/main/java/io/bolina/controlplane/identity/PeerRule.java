package io.bolina.controlplane.identity;

import com.google.common.base.Splitter;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Who, by a name in its certificate, sees which services.
 *
 * @param services empty for all
 */
public record PeerRule(SanPattern pattern, Optional<Set<String>> services) {
  static final String ALL = "*";

  /**
   * Reads one as {@code SAN=SERVICE,…} or {@code SAN=*}.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static PeerRule parse(String text) {
    int equals = text.lastIndexOf('=');
    if (equals < 1) {
      throw new IllegalArgumentException(
          "'" + text + "' is not SAN=SERVICE,... such as *.edges.example.org=bolina, or SAN=*");
    }
    SanPattern pattern = SanPattern.parse(text.substring(0, equals).strip());
    String after = text.substring(equals + 1).strip();
    if (after.equals(ALL)) {
      return new PeerRule(pattern, Optional.empty());
    }
    Set<String> services = new HashSet<>();
    for (String service : Splitter.on(',').trimResults().split(after)) {
      if (service.isEmpty() || service.equals(ALL)) {
        throw new IllegalArgumentException("'" + text + "': name services, or * alone for all");
      }
      services.add(service);
    }
    return new PeerRule(pattern, Optional.of(Set.copyOf(services)));
  }
}
