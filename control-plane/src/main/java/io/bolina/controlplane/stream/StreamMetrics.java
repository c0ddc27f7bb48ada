package io.bolina.controlplane.stream;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/** The metrics of all streams: {@code bolina_xds_…}. */
final class StreamMetrics {
  private final MeterRegistry meters;
  private final Map<String, Counter> counters = new ConcurrentHashMap<>();

  StreamMetrics(MeterRegistry meters, Set<EnvoyStream<?>> open) {
    this.meters = meters;
    meters.gauge("bolina.xds.streams", open, Collection::size);
    meters.gauge(
        "bolina.xds.streams.with.gate",
        open,
        all -> all.stream().filter(stream -> stream.gate().gated()).count());
  }

  void sent(String type) {
    counted(type, "sent", name -> meters.counter("bolina.xds.responses", "type", name));
  }

  void acknowledged(String type) {
    counted(type, "acknowledged", name -> meters.counter("bolina.xds.acks", "type", name));
  }

  void rejected(String type) {
    counted(type, "rejected", name -> meters.counter("bolina.xds.nacks", "type", name));
  }

  /** A stream was closed since this replica does not see the registry. */
  void refused() {
    meters.counter("bolina.xds.refused.streams").increment();
  }

  /** Looking a counter up by its name and tags would cost more than counting. */
  private void counted(String type, String event, Function<String, Counter> counter) {
    counters
        .computeIfAbsent(event + " " + type, key -> counter.apply(XdsTypes.shortName(type)))
        .increment();
  }
}
