package io.bolina.controlplane.gate;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** The kinds of rule, in the order in which a datagram is held against them. */
public enum GateRule {
  SIZE,
  PATTERN,
  LENGTH,
  /** A network denied in the registry. It is an order, so it never only counts. */
  ORDERED,
  DENIED,
  NOT_ALLOWED,
  SOURCE_PACKETS,
  /** Shields are up in the registry. It is an order, so it never only counts. */
  SHIELDS,
  FIRST_SIZE,
  SOURCE_SESSIONS,
  SESSIONS;

  /** Its name in Envoy's counters: {@code rejected_<name>} and {@code would_reject_<name>}. */
  public String counter() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether it may be a shadow rule, which only counts what it would reject. */
  public boolean canBeShadow() {
    return this != ORDERED && this != SHIELDS;
  }

  /** The rule of a name as it is written in the rules: {@code first-size}. */
  static Optional<GateRule> written(String name) {
    return Arrays.stream(values())
        .filter(r -> r.canBeShadow() && r.written().equals(name))
        .findFirst();
  }

  static String allWritten() {
    return Arrays.stream(values())
        .filter(GateRule::canBeShadow)
        .map(GateRule::written)
        .collect(Collectors.joining(", "));
  }

  private String written() {
    return counter().replace('_', '-');
  }
}
