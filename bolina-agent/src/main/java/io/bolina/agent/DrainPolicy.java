package io.bolina.agent;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * When a server that is being taken out of service may stop: when its last session has ended, or
 * after the drain time.
 *
 * @param longest how long sessions may take to end
 * @param killedAfter how long after SIGTERM the process is killed; empty if later than that
 */
public record DrainPolicy(Duration longest, Optional<Duration> killedAfter) {
  /** What it takes to deregister, and the process to end. */
  private static final Duration MARGIN = Duration.ofSeconds(5);

  /** How long sessions may take if the process will be killed after some time: a little less. */
  static Duration before(Duration killedAfter) {
    Duration quarter = killedAfter.dividedBy(4);
    return killedAfter.minus(quarter.compareTo(MARGIN) < 0 ? quarter : MARGIN);
  }

  /**
   * @param over whether the server may be stopped
   * @param waitsFor what it still waits for, or why the wait is over, for people
   */
  record DrainProgress(boolean over, String waitsFor) {}

  /**
   * @param since when it began; empty if the server is not draining
   * @param until when it must be over, if sooner than by the drain time
   * @param sessions live sessions, if the server says
   * @param reportedAt when it said so: a report of none from before the server was closed to new
   *     clients does not end the wait, since one may have come since
   * @param silence how long such a report is waited for: a server that does not make it has ended,
   *     or hangs
   * @param hurried whether it was requested not to wait
   */
  DrainProgress progress(
      Optional<Instant> since,
      Optional<Instant> until,
      OptionalLong sessions,
      Instant reportedAt,
      Duration silence,
      boolean hurried,
      Instant now) {
    if (since.isEmpty()) {
      return new DrainProgress(false, "not draining");
    }
    if (hurried) {
      return new DrainProgress(true, "requested not to wait for sessions");
    }
    boolean none = sessions.isPresent() && sessions.getAsLong() == 0;
    if (none && !reportedAt.isBefore(since.get())) {
      return new DrainProgress(true, "the last session has ended");
    }
    if (none && !now.isBefore(since.get().plus(silence))) {
      return new DrainProgress(
          true, "it had no session, and has not reported for " + silence.toSeconds() + " s");
    }
    Instant byDrainTime = since.get().plus(longest);
    boolean cut = until.isPresent() && until.get().isBefore(byDrainTime);
    Duration left = Duration.between(now, cut ? until.get() : byDrainTime);
    if (cut && (left.isNegative() || left.isZero())) {
      return new DrainProgress(
          true,
          "the "
              + Duration.between(since.get(), until.get()).toSeconds()
              + " s that there were are over");
    }
    if (left.isNegative() || left.isZero()) {
      return new DrainProgress(true, "the drain time of " + longest.toSeconds() + " s is over");
    }
    if (none) {
      return new DrainProgress(
          false,
          "the server to report that it has no session, for at most "
              + left.toSeconds()
              + " s more");
    }
    String what =
        sessions.isPresent()
            ? sessions.getAsLong() + (sessions.getAsLong() == 1 ? " session" : " sessions")
            : "sessions (the server does not report how many)";
    return new DrainProgress(false, what + " to end, for at most " + left.toSeconds() + " s more");
  }
}
