package io.bolina.runtime;

import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Clock;

/**
 * What every part of a program reports with.
 *
 * @param meters its metrics
 * @param warnings its warnings about bad input
 * @param clock the time that ages and deadlines go by
 */
public record Telemetry(PrometheusMeterRegistry meters, Warnings warnings, Clock clock) {

  /** Nothing measured yet, on a clock that no change of the date moves. */
  public static Telemetry create() {
    return create(new SteadyClock());
  }

  /** Nothing measured yet, on some clock. */
  public static Telemetry create(Clock clock) {
    PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    return new Telemetry(meters, new Warnings(meters, clock), clock);
  }

  /** The same, with the metrics of the JVM and the process for as long as the program runs. */
  public static Telemetry ofProcess() {
    Telemetry telemetry = create();
    new JvmMemoryMetrics().bindTo(telemetry.meters);
    new JvmThreadMetrics().bindTo(telemetry.meters);
    new ProcessorMetrics().bindTo(telemetry.meters);
    new UptimeMetrics().bindTo(telemetry.meters);
    bindForLife(telemetry.meters);
    return telemetry;
  }

  @SuppressWarnings("resource") // listens to the collectors until the process ends
  private static void bindForLife(PrometheusMeterRegistry meters) {
    new JvmGcMetrics().bindTo(meters);
  }
}
