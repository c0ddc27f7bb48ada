package io.bolina.watcher;

import io.bolina.watcher.planning.WatchSettings;
import java.time.Duration;

/**
 * Everything that a Watcher is told.
 *
 * @param service the registry's service whose servers run in the pods
 * @param settings what it aims at
 * @param interval how often it reckons when nothing happens; a change of the fleet is looked at at
 *     once. Default 5 s
 * @param dryRun whether it only says what it would do
 * @param listenHost where its admin pages are
 * @param listenPort the same; 0 lets the system choose
 */
public record WatcherConfig(
    String service,
    WatchSettings settings,
    Duration interval,
    boolean dryRun,
    String listenHost,
    int listenPort) {
  public WatcherConfig {
    if (service.isBlank()) {
      throw new IllegalArgumentException("the service is empty");
    }
    if (interval.compareTo(Duration.ofMillis(100)) < 0) {
      throw new IllegalArgumentException("interval is less than 100 ms");
    }
  }
}
