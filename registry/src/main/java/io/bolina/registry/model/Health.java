package io.bolina.registry.model;

/** The health of a server as it reports it itself, from best to worst. */
public enum Health {
  PASSING,
  WARNING,
  /** It takes no new clients; its known clients stay, because it still answers them. */
  CRITICAL;

  /** Returns the worse of the two. */
  public Health worst(Health other) {
    return compareTo(other) >= 0 ? this : other;
  }
}
