package io.bolina.it.kubernetes;

import io.bolina.watcher.planning.Rate;
import io.bolina.watcher.planning.WatchSettings;
import java.time.Duration;

/** A Watcher's settings with which a test need not wait. */
final class FastSettings {
  private int min = 1;
  private int max = 10;
  private int spare;
  private Duration settle = Duration.ofSeconds(1);
  private Duration drainTime = Duration.ofMinutes(5);
  private Duration replaceAfter = Duration.ofMinutes(5);
  private Duration startLimit = Duration.ofMinutes(1);

  FastSettings between(int newMin, int newMax) {
    min = newMin;
    max = newMax;
    return this;
  }

  FastSettings spare(int newSpare) {
    spare = newSpare;
    return this;
  }

  FastSettings settle(Duration time) {
    settle = time;
    return this;
  }

  FastSettings drainTime(Duration time) {
    drainTime = time;
    return this;
  }

  FastSettings replaceAfter(Duration time) {
    replaceAfter = time;
    return this;
  }

  FastSettings startLimit(Duration time) {
    startLimit = time;
    return this;
  }

  WatchSettings build(String giver) {
    return new WatchSettings(
        giver,
        min,
        max,
        0.6,
        0.1,
        0.9,
        spare,
        new Rate(100, 0, Duration.ofSeconds(1)),
        new Rate(100, 0, Duration.ofSeconds(1)),
        Duration.ofSeconds(2),
        drainTime,
        settle,
        startLimit,
        Duration.ofSeconds(8),
        replaceAfter,
        Duration.ofSeconds(1));
  }
}
