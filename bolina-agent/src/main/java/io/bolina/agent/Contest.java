package io.bolina.agent;

import io.bolina.registry.Registrar;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.time.Instant;

/**
 * An id that was registered at another address when an agent registered it: either the server has
 * moved, and its old address is given up, or two agents have one id. An agent whose registration is
 * taken from it claims it at once, so that a claim that does not come tells.
 *
 * @param old what was registered
 * @param since when it was replaced
 * @param looks how often the registry was asked since
 */
record Contest(Server old, Instant since, int looks) {
  private static final Duration CLAIM_WITHIN = Duration.ofSeconds(3);
  private static final int LEAST_LOOKS = 3;

  /** For how long an agent claims an id that was taken from it. */
  static final Duration CLAIM_FOR = Duration.ofSeconds(10);

  /** How it stands. */
  enum Outcome {
    OPEN,
    /** There are two agents with one id. */
    CLAIMED,
    /** The old one is gone: the server is registered anew. */
    MOVED
  }

  Contest lookedAgain() {
    return new Contest(old, since, looks + 1);
  }

  Outcome outcome(Registrar.Registration seen, Server own, Instant now) {
    boolean claimed =
        !seen.claimedAt().isEmpty() && !seen.claimedAt().equals(own.endpoint().toString());
    if (claimed || seen.elsewhere().isPresent()) {
      return Outcome.CLAIMED;
    }
    return looks >= LEAST_LOOKS && !now.isBefore(since.plus(CLAIM_WITHIN))
        ? Outcome.MOVED
        : Outcome.OPEN;
  }
}
