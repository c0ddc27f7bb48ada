package io.bolina.registry.consul;

import java.math.BigInteger;

/** Consul's rules for the index of a blocking query. */
final class ConsulIndex {
  /** Asks for what is there now, without waiting. */
  static final BigInteger NONE = BigInteger.ZERO;

  private ConsulIndex() {}

  /**
   * The index for the next query. An index that goes backwards (a restored snapshot, a Consul that
   * lost its data, the newest key deleted) starts over; an index of 0 would never block, so it
   * counts as 1.
   */
  static BigInteger next(BigInteger asked, BigInteger received) {
    if (received.compareTo(asked) < 0) {
      return NONE;
    }
    return received.max(BigInteger.ONE);
  }
}
