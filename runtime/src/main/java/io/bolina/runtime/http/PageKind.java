package io.bolina.runtime.http;

import java.time.Duration;
import java.util.Optional;

/**
 * What a page is to its program. Each kind has threads of its own and a limit of its own, so that
 * those who ask for one cannot keep others from another.
 */
public enum PageKind {
  /** Health and readiness, and what replicas ask of one another: short, and open to everybody. */
  PROBE(2, 32, true, Reader.ANYBODY),

  /** Metrics: open to everybody. */
  METRICS(2, 16, true, Reader.ANYBODY),

  /** What is short, and of no use to strangers. */
  SHORT(1, 32, true, Reader.KNOWN_FROM_AFAR),

  /** A page that grows with the fleet. Of more readers than there may be, the later ones wait. */
  LARGE(2, 6, false, Reader.KNOWN_FROM_AFAR),

  /** A request that changes something. */
  ORDER(2, 32, true, Reader.KNOWN_FROM_AFAR),

  /** An answer that is given when something has happened. */
  WAIT(1, 64, false, Reader.KNOWN_FROM_AFAR);

  /** After so long an answer that is not read may make room for another. */
  private static final Duration STALLED = Duration.ofSeconds(1);

  private final int threads;
  private final int atOnce;
  private final boolean displaces;
  private final Reader reader;

  private enum Reader {
    ANYBODY,
    KNOWN_FROM_AFAR
  }

  PageKind(int threads, int atOnce, boolean displaces, Reader reader) {
    this.threads = threads;
    this.atOnce = atOnce;
    this.displaces = displaces;
    this.reader = reader;
  }

  int threads() {
    return threads;
  }

  /** How many answers may be on their way at one time. */
  int atOnce() {
    return atOnce;
  }

  /** After what time an answer that is not read gives way to another, if ever. */
  Optional<Duration> displacedAfter() {
    return displaces ? Optional.of(STALLED) : Optional.empty();
  }

  boolean isOpenToAnybody() {
    return reader == Reader.ANYBODY;
  }
}
