package io.bolina.registry.consul;

import java.math.BigInteger;

/** Consul's rules for the index of a blocking query. */
final class ConsulIndex {
  /** Asks for what is there now, without waiting. */
  static final BigInteger NONE = BigInteger.ZERO;

  private ConsulIndex() {}
}
