package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.stream.EnvoyStatus.Refusal;
import io.bolina.runtime.Warnings;
import io.grpc.Grpc;
import io.grpc.ServerCall;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The streams that are open now, and what is logged and counted of them. */
final class EnvoyStreams {
  /** What an Envoy's refusal says when it is the gate's module that it cannot have. */
  private static final Pattern OF_THE_MODULE =
      Pattern.compile("dynamic[ _]module", Pattern.CASE_INSENSITIVE);

  /** Of large responses, so much may wait in memory for Envoys to take it. */
  private static final long BULK = 16L << 20;

  private static final Logger log = LoggerFactory.getLogger(EnvoyStreams.class);

  private final MeterRegistry meters;
  private final Warnings warnings;
  private final Clock clock;
  private final boolean gateIsWanted;
  private final Set<EnvoyStream<?>> open = ConcurrentHashMap.newKeySet();
  private final BulkTurns bulkTurns = new BulkTurns(BULK);
  private final ExecutorService nextTurns =
      new ThreadPoolExecutor(
          1,
          1,
          0,
          TimeUnit.SECONDS,
          new LinkedBlockingQueue<>(),
          task -> {
            Thread thread = new Thread(task, "xds-bulk");
            thread.setDaemon(true);
            return thread;
          },
          // Once closed, there are no more turns.
          new ThreadPoolExecutor.DiscardPolicy());
  private final Map<String, Counter> counters = new ConcurrentHashMap<>();
  private volatile Editions served;

  EnvoyStreams(MeterRegistry meters, Warnings warnings, Clock clock, boolean gateIsWanted) {
    this.gateIsWanted = gateIsWanted;
    this.meters = meters;
    this.warnings = warnings;
    this.clock = clock;
    meters.gauge("bolina.xds.streams", open, Set::size);
    meters.gauge(
        "bolina.xds.streams.with.gate",
        open,
        all -> all.stream().filter(stream -> stream.gate().gated()).count());
  }

  List<EnvoyStatus> statuses() {
    return open.stream()
        .map(EnvoyStream::status)
        .sorted(Comparator.comparing(EnvoyStatus::node).thenComparing(EnvoyStatus::peer))
        .toList();
  }

  /** Serves something new. Before the first call, every stream waits. */
  void serve(Editions now) {
    served = now;
    open.forEach(stream -> stream.offer(now));
  }

  /** What is served; null before there is anything. */
  Editions served() {
    return served;
  }

  void opened(EnvoyStream<?> stream) {
    open.add(stream);
  }

  void ended(EnvoyStream<?> stream) {
    if (open.remove(stream)) {
      log.info("Envoy '{}' disconnected ({})", stream.node(), stream.protocol());
    }
  }

  BulkTurns bulkTurns() {
    return bulkTurns;
  }

  /** Not on the thread of the stream whose turn ends, which holds its lock. */
  void endBulk(int bytes) {
    nextTurns.execute(() -> bulkTurns.end(bytes));
  }

  void introduced(EnvoyStream<?> stream) {
    log.info("Envoy '{}' connected; its gate is {}", stream.node(), stream.gate());
    if (gateIsWanted && !stream.gate().gated()) {
      warnings.warn(
          "no-gate",
          stream.node(),
          "Envoy '{}' has no gate, though there are rules for one: {}. It lets every packet pass",
          stream.node(),
          stream.gate().reason());
    }
  }

  void unserved(EnvoyStream<?> stream, String type) {
    warnings.warn(
        "xds-type",
        stream.node() + " " + type,
        "Envoy '{}' asks for {}, of which Bolina serves none; it will get no answer",
        stream.node(),
        type);
  }

  void refuses(EnvoyStream<?> stream, String why) {
    warnings.warn(
        "xds-request", stream.node(), "Envoy '{}': {}; its stream is closed", stream.node(), why);
  }

  void failed(EnvoyStream<?> stream, RuntimeException e) {
    log.error("Envoy '{}' could not be told; its stream is closed", stream.node(), e);
  }

  void sent(String type) {
    count("responses", type);
  }

  void acknowledged(EnvoyStream<?> stream, String type, Subscription.Reply reply) {
    count("acks", type);
    stream.answers(type).acknowledged(reply.version());
  }

  void refused(EnvoyStream<?> stream, String type, Subscription.Reply reply, String reason) {
    String name = XdsTypes.shortName(type);
    String said = reason.strip();
    count("nacks", type);
    stream.answers(type).refused(new Refusal(reply.version(), said, clock.instant()));
    warnings.warn(
        "nack",
        stream.node() + " " + type,
        "Envoy '{}' refuses {} version {}{} and goes on with what it had: {}. It is not sent that version again",
        stream.node(),
        name,
        reply.version(),
        type.equals(XdsTypes.MEMBER) ? " " + reply.names() : "",
        said);
    if (type.equals(XdsTypes.LISTENER)
        && stream.gate().gated()
        && OF_THE_MODULE.matcher(said).find()) {
      stream.withoutGate("it could not load the module: " + said);
      warnings.warn(
          "no-gate",
          stream.node(),
          "Envoy '{}' cannot load the gate and gets a listener without it: EVERY packet passes. Is"
              + " the module's folder in its ENVOY_DYNAMIC_MODULES_SEARCH_PATH?",
          stream.node());
    }
    if (type.equals(XdsTypes.ENDPOINT)
        && stream instanceof IncrementalStream incremental
        && incremental.oneByOne()) {
      incremental.allAtOnce("it refused to be told one by one: " + said);
      log.warn("Envoy '{}' is told of all servers at once from now on", stream.node());
    }
  }

  private void count(String what, String type) {
    counters.computeIfAbsent(what + " " + type, key -> counter(what, type)).increment();
  }

  private Counter counter(String what, String type) {
    return meters.counter("bolina.xds." + what, "type", XdsTypes.shortName(type));
  }

  static String peerOf(ServerCall<?, ?> call) {
    return String.valueOf(call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR))
        .replaceFirst("^/", "");
  }

  void close() {
    nextTurns.shutdownNow();
  }
}
