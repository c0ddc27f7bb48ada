package io.bolina.controlplane.stream;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

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
    count("responses", type);
  }

  void acknowledged(String type) {
    count("acks", type);
  }

  void rejected(String type) {
    count("nacks", type);
  }

  private void count(String event, String type) {
    counters.computeIfAbsent(event + " " + type, key -> counter(event, type)).increment();
  }

  private Counter counter(String event, String type) {
    return meters.counter("bolina.xds." + event, "type", XdsTypes.shortName(type));
  }
}
