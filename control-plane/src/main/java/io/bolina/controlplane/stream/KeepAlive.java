package io.bolina.controlplane.stream;

import java.time.Duration;

/**
 * How a control plane finds out that an Envoy is gone without a word: HTTP/2 PINGs on an idle
 * connection. The bootstrap has an Envoy do the same.
 */
final class KeepAlive {
  /** How long a connection may be silent before a PING is sent. */
  static final Duration INTERVAL = Duration.ofSeconds(2);

  /**
   * How long the answer may take. Any DATA, HEADERS or PING of the Envoy's counts as one, so its
   * own PINGs keep a connection whose other direction is full.
   */
  static final Duration TIMEOUT = Duration.ofSeconds(5);

  /** An Envoy may send PINGs this often; its bootstrap says 2 s, an older one 30 s. */
  static final Duration PERMITTED = Duration.ofMillis(500);

  /**
   * As many bytes lie in the kernel at most. A PING waits behind them: on a link of 50 kB/s for
   * less than {@link #TIMEOUT}, though the Envoy's flow control would let in megabytes.
   */
  static final int SEND_BUFFER = 128 << 10;

  private KeepAlive() {}
}
