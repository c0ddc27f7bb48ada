package io.bolina.watcher.planning;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * What a Watcher aims at and what bounds it. docs/watcher.md says how to choose.
 *
 * @param giver what the Watcher signs its orders to drain with, so that it knows its own from those
 *     of operators and of Watchers of other targets
 * @param min the fewest pods. Default 2
 * @param max the most pods
 * @param targetLoad the load an open server should have, above 0 and below {@code overloadedAt}.
 *     Default 0.6
 * @param tolerance how far the load may be off the target, as a share of it, before that is a
 *     reason to scale. Default 0.1
 * @param overloadedAt the load from which a server is closed to new clients: the control plane's
 *     setting. Default 0.9
 * @param spare how many open servers there must be beyond what the load needs. Default 0
 * @param up how fast the fleet may grow. Default 4 pods or 100 % a minute
 * @param down how fast it may shrink. Default 1 pod or 10 % a minute
 * @param downWindow how long fewer pods must have been enough before one goes. Default 5 min
 * @param drainTime how long the sessions of a pod that is to go may take to end. Default 10 min
 * @param settle how old an order must be for the word of a server that it has no session to be
 *     believed: longer than its reports take to be seen. Default 30 s
 * @param startLimit how long a pod may take until its server is registered; until then it counts as
 *     coming. Default 2 min
 * @param staleAfter how old the registry's word may be. Default 30 s
 * @param replaceAfter how long a server may be critical before its pod is replaced. Default 5 min
 * @param replaceEvery the least time between two replacements. Default 1 min
 */
public record WatchSettings(
    String giver,
    int min,
    int max,
    double targetLoad,
    double tolerance,
    double overloadedAt,
    int spare,
    Rate up,
    Rate down,
    Duration downWindow,
    Duration drainTime,
    Duration settle,
    Duration startLimit,
    Duration staleAfter,
    Duration replaceAfter,
    Duration replaceEvery) {

  /**
   * Checks that the settings fit together.
   *
   * @throws IllegalArgumentException with everything that is wrong with them
   */
  public WatchSettings {
    List<String> errors = new ArrayList<>();
    if (min < 1) {
      errors.add("min is " + min + ", less than 1");
    }
    if (max < min) {
      errors.add("max is " + max + ", less than min (" + min + ")");
    }
    if (!(targetLoad > 0 && targetLoad < overloadedAt)) {
      errors.add(
          "target-load is "
              + targetLoad
              + ", not above 0 and below overloaded-at ("
              + overloadedAt
              + ")");
    }
    if (!(tolerance >= 0 && tolerance < 1)) {
      errors.add("tolerance is " + tolerance + ", not from 0 to below 1");
    }
    if (spare < 0) {
      errors.add("spare is " + spare + ", less than 0");
    }
    if (startLimit.isZero() || staleAfter.isZero()) {
      errors.add("start-limit and stale-after are more than 0");
    }
    if (!errors.isEmpty()) {
      throw new IllegalArgumentException(String.join("; ", errors));
    }
  }

  /** The defaults, between two sizes. */
  public static WatchSettings between(int min, int max) {
    return new WatchSettings(
        "watcher",
        min,
        max,
        0.6,
        0.1,
        0.9,
        0,
        new Rate(4, 100, Duration.ofMinutes(1)),
        new Rate(1, 10, Duration.ofMinutes(1)),
        Duration.ofMinutes(5),
        Duration.ofMinutes(10),
        Duration.ofSeconds(30),
        Duration.ofMinutes(2),
        Duration.ofSeconds(30),
        Duration.ofMinutes(5),
        Duration.ofMinutes(1));
  }

  WatchSettings withTargetLoad(double load) {
    return with(load, spare, down);
  }

  WatchSettings withSpare(int servers) {
    return with(targetLoad, servers, down);
  }

  WatchSettings withDown(Rate rate) {
    return with(targetLoad, spare, rate);
  }

  private WatchSettings with(double load, int servers, Rate rate) {
    return new WatchSettings(
        giver,
        min,
        max,
        load,
        tolerance,
        overloadedAt,
        servers,
        up,
        rate,
        downWindow,
        drainTime,
        settle,
        startLimit,
        staleAfter,
        replaceAfter,
        replaceEvery);
  }
}
