package io.bolina.it.kubernetes;

import io.bolina.registry.model.DrainOrder;
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

  WatchSettings build(String author) {
    return WatchSettings.between(min, max)
        .withAuthor(author)
        .with(WatchSettings.SPARE, spare)
        .with(WatchSettings.UP_RATE, new Rate(100, 0, Duration.ofSeconds(1)))
        .with(WatchSettings.DOWN_RATE, new Rate(100, 0, Duration.ofSeconds(1)))
        .with(WatchSettings.DOWN_WINDOW, Duration.ofSeconds(2))
        .with(DrainOrder.DRAIN_TIME, drainTime)
        .with(WatchSettings.SETTLE, settle)
        .with(WatchSettings.START_LIMIT, startLimit)
        .with(WatchSettings.STALE_AFTER, Duration.ofSeconds(8))
        .with(WatchSettings.REPLACE_AFTER, replaceAfter)
        .with(WatchSettings.REPLACE_EVERY, Duration.ofSeconds(1));
  }
}
