package io.bolina.agent;

import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.LoadThresholds;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * When a load is worth a write. Every write goes through Consul's raft, and a control plane keeps
 * no history of loads: this is where load is damped.
 *
 * <p>A load is written when it has moved by the dead band or more since it was last written, or has
 * crossed a threshold and moved by a quarter of the dead band at least, so that a load that hovers
 * around a threshold is not written again and again; never twice within the interval. Only that the
 * server is overloaded, which closes it, is written at once; since it has to be written below the
 * threshold before, that is one more write in an interval at most. Everything else, sessions among
 * it, goes along.
 *
 * @param deadBand how far a load must move, as a share of capacity
 * @param interval the least time between two writes
 * @param thresholds the loads at which a decision changes
 */
public record LoadWritePolicy(double deadBand, Duration interval, LoadThresholds thresholds) {
  /**
   * Checks the dead band.
   *
   * @throws IllegalArgumentException naming the setting that is out of range
   */
  public LoadWritePolicy {
    if (!(deadBand >= 0 && deadBand < 1)) {
      throw new IllegalArgumentException(
          "load-dead-band is " + deadBand + ", not from 0 to below 1");
    }
  }

  /** What was last written, and when. */
  record WrittenLoad(LoadReport load, Instant at) {}

  boolean worthWriting(Optional<WrittenLoad> last, LoadReport now, Instant at) {
    if (last.isEmpty()) {
      return true;
    }
    double before = last.get().load().load();
    if (!thresholds.isOverload(before) && thresholds.isOverload(now.load())) {
      return true; // closes the server: no new client is to come in the meantime
    }
    if (at.isBefore(last.get().at().plus(interval))) {
      return false;
    }
    double moved = Math.abs(now.load() - before);
    boolean crossed = thresholds.all().stream().anyMatch(s -> (before < s) != (now.load() < s));
    return (moved >= deadBand && moved > 0)
        || (crossed && moved >= deadBand / 4)
        || sessionsMoved(last.get().load(), now);
  }

  /**
   * Sessions are what a scale-down goes by. Written are a change by a fifth of them, ten at least,
   * the first one, and the end of the last, since a server without sessions may be removed.
   */
  private static boolean sessionsMoved(LoadReport before, LoadReport now) {
    if (now.sessions().isEmpty()) {
      return false;
    }
    long had = before.sessions().orElse(0);
    long has = now.sessions().getAsLong();
    return (has == 0) != (had == 0) || Math.abs(has - had) >= Math.max(10, had / 5);
  }
}
