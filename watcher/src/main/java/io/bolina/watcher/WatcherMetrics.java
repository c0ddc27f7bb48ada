package io.bolina.watcher;

import io.bolina.watcher.planning.Plan;
import io.bolina.watcher.planning.PodState;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.TimeGauge;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** What is measured all the time; events are counted where they happen. */
final class WatcherMetrics {
  private WatcherMetrics() {}

  static void register(
      MeterRegistry meters, WatcherStatus status, Leadership leadership, LoopProgress progress) {
    meters.gauge("bolina.watcher.leading", leadership, l -> l.leading() ? 1 : 0);
    TimeGauge.builder(
            "bolina.watcher.loop.age", progress, TimeUnit.MILLISECONDS, p -> p.age().toMillis())
        .register(meters);
    meters.gauge("bolina.watcher.scaling.suspended", status, s -> s.suspended() ? 1 : 0);
    meters.gauge(
        "bolina.watcher.desired.replicas", status, s -> s.plan().map(Plan::desired).orElse(0));
    meters.gauge(
        "bolina.watcher.current.replicas", status, s -> s.plan().map(Plan::current).orElse(0));
    for (PodState state : PodState.values()) {
      meters.gauge(
          "bolina.watcher.pods",
          Tags.of("state", state.name().toLowerCase(Locale.ROOT)),
          status,
          s -> s.plan().map(p -> count(p, state)).orElse(0L));
    }
    meters.gauge(
        "bolina.watcher.alarms.active",
        status,
        s -> s.plan().map(p -> p.alarms().size()).orElse(0));
  }

  private static long count(Plan plan, PodState state) {
    return plan.rows().stream().filter(row -> row.state() == state).count();
  }
}
