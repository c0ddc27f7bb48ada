package io.bolina.watcher;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Warns when there has been no leader for some time, and again after a while. */
final class LeaderlessWarning {
  private static final Logger log = LoggerFactory.getLogger(LeaderlessWarning.class);
  private static final Duration GRACE = Duration.ofSeconds(30);
  private static final Duration QUIET = Duration.ofMinutes(5);

  private final Clock clock;
  private Optional<Instant> since = Optional.empty();

  LeaderlessWarning(Clock clock) {
    this.clock = clock;
  }

  /**
   * @param leader who leads; empty if nobody
   */
  void leaderIs(String leader) {
    Instant now = clock.instant();
    if (!leader.isEmpty()) {
      since = Optional.empty();
    } else if (since.isEmpty()) {
      since = Optional.of(now);
    } else if (now.isAfter(since.get().plus(GRACE))) {
      log.atWarn()
          .addKeyValue(
              "check", "Kubernetes API reachable? permission to get, create, patch leases?")
          .log("no leader; fleet is not scaled");
      since = Optional.of(now.plus(QUIET));
    }
  }
}
