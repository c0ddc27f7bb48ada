package io.bolina.agent;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * How far taking a server out of service has got. A pure function of when it began, of the sessions
 * that are left and of the time.
 *
 * @param longest how long sessions may take to end. Default 10 min
 */
public record Drain(Duration longest) {
  static final Drain DEFAULTS = new Drain(Duration.ofMinutes(10));

  /**
   * @param over whether the server may be stopped
   * @param waitsFor what is still waited for, or why the wait is over, in words
   */
  record Progress(boolean over, String waitsFor) {}

  /**
   * @param since when it began; empty if the server is not draining
   * @param sessions live sessions, if the server says
   * @param counted when it said so: that it had none before it was closed to new clients ends no
   *     wait, since one may have come meanwhile
   * @param hurried whether it was told not to wait
   */
  Progress progress(
      Optional<Instant> since,
      OptionalLong sessions,
      Instant counted,
      boolean hurried,
      Instant now) {
    if (since.isEmpty()) {
      return new Progress(false, "not draining");
    }
    if (hurried) {
      return new Progress(true, "told not to wait");
    }
    boolean none = sessions.isPresent() && sessions.getAsLong() == 0;
    if (none && !counted.isBefore(since.get())) {
      return new Progress(true, "the last session has ended");
    }
    Duration left = Duration.between(now, since.get().plus(longest));
    if (left.isNegative() || left.isZero()) {
      return new Progress(true, "the drain time of " + longest.toSeconds() + " s is over");
    }
    if (none) {
      return new Progress(
          false,
          "the server to say that it has no session, for at most " + left.toSeconds() + " s more");
    }
    String what =
        sessions.isPresent()
            ? sessions.getAsLong() + (sessions.getAsLong() == 1 ? " session" : " sessions")
            : "sessions (the server does not say how many)";
    return new Progress(false, what + " to end, for at most " + left.toSeconds() + " s more");
  }
}
