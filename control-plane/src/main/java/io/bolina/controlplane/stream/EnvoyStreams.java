package io.bolina.controlplane.stream;

import io.bolina.controlplane.limits.HeldBytes;
import io.bolina.controlplane.limits.LimitLog;
import io.bolina.controlplane.limits.PeerCounts;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.served.Editions;
import io.bolina.runtime.Telemetry;
import io.grpc.Status;
import java.time.Clock;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** The streams that are open now, and what they share. */
final class EnvoyStreams {
  /** Of large responses, so many bytes may wait in memory for Envoys to take them. */
  private static final long LARGE_RESPONSES = 16L << 20;

  /** How often it is looked whether somebody reads too slowly for those who wait. */
  private static final int OVERDUE_MS = 250;

  private final XdsLimits limits;
  private final LimitLog limitLog;
  private final Connections connections;
  private final PeerCounts counts;
  private final HeldBytes held;
  private final Clock clock;
  private final BooleanSupplier seesRegistry;
  private final StreamLog log;
  private final StreamMetrics metrics;
  private final Set<EnvoyStream<?>> open = ConcurrentHashMap.newKeySet();
  private final LargeResponseLimit<EnvoyStream<?>> largeResponses =
      new LargeResponseLimit<>(
          LARGE_RESPONSES, stream -> stream.remote().network(), EnvoyStream::retry);
  private final ScheduledThreadPoolExecutor later =
      new ScheduledThreadPoolExecutor(
          1,
          task -> {
            Thread thread = new Thread(task, "xds-later");
            thread.setDaemon(true);
            return thread;
          },
          // Once closed, nobody waits any more.
          new ThreadPoolExecutor.DiscardPolicy());
  private volatile Editions served;
  private volatile Optional<String> refusal = Optional.empty();

  /**
   * @param limits on those who connect
   * @param gateExpected whether an Envoy without the gate deserves a warning
   * @param seesRegistry whether what is served is what the registry has now
   */
  EnvoyStreams(
      Telemetry telemetry,
      XdsLimits limits,
      LimitLog limitLog,
      Connections connections,
      boolean gateExpected,
      BooleanSupplier seesRegistry) {
    this.limits = limits;
    this.limitLog = limitLog;
    this.connections = connections;
    this.counts = new PeerCounts("streams", limits.streams());
    this.held = new HeldBytes(limits.held(), later);
    this.seesRegistry = seesRegistry;
    this.clock = telemetry.clock();
    this.log = new StreamLog(telemetry, gateExpected);
    this.metrics = new StreamMetrics(telemetry.meters(), open);
    telemetry.meters().gauge("bolina.xds.held.bytes", held, HeldBytes::total);
    later.setRemoveOnCancelPolicy(true);
    var unused =
        later.scheduleWithFixedDelay(
            this::closeOverdue, OVERDUE_MS, OVERDUE_MS, TimeUnit.MILLISECONDS);
  }

  Clock clock() {
    return clock;
  }

  /** Whether what is served is what the registry has now. */
  boolean seesRegistry() {
    return seesRegistry.getAsBoolean();
  }

  /** Offers what is served to everybody once more: the registry is seen again. */
  void offerToAll() {
    open.forEach(stream -> stream.offer(served));
  }

  StreamLog log() {
    return log;
  }

  StreamMetrics metrics() {
    return metrics;
  }

  LargeResponseLimit<EnvoyStream<?>> largeResponses() {
    return largeResponses;
  }

  XdsLimits limits() {
    return limits;
  }

  /** Whether no further stream would be taken, whoever opened it. */
  boolean full() {
    return counts.full();
  }

  /** Somebody is over a limit, and its stream is to be closed for that. */
  Status exceeded(EnvoyStream<?> stream, String limit, String what) {
    limitLog.exceeded(limit, stream.remote(), what);
    return Status.RESOURCE_EXHAUSTED.withDescription(what);
  }

  /** A stream's end is not read either: nothing but its connection's ends it. */
  void endConnection(EnvoyStream<?> stream) {
    connections.end(stream.remote(), "a stream that was closed is not read");
  }

  /** Those that are open now. */
  Set<EnvoyStream<?>> open() {
    return Set.copyOf(open);
  }

  List<EnvoyStatus> statuses() {
    List<EnvoyStatus> all = open.stream().map(EnvoyStream::status).toList();
    return all.stream()
        .map(status -> status.among(all))
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
    Optional<String> limit = counts.open(stream.remote());
    if (limit.isPresent()) {
      stream.close(exceeded(stream, limit.get(), "too many streams"));
      return;
    }
    open.add(stream);
    stream.begin();
    refusal.ifPresent(why -> refuse(stream, why));
  }

  /**
   * From now on streams are closed, and new ones at once, so that the Envoys go to another replica;
   * or no longer.
   *
   * @param why in words; empty if streams are served again
   */
  void refuse(Optional<String> why) {
    refusal = why;
    why.ifPresent(reason -> open.forEach(stream -> refuse(stream, reason)));
  }

  private void refuse(EnvoyStream<?> stream, String why) {
    metrics.refused();
    stream.close(Status.UNAVAILABLE.withDescription(why));
  }

  /** Closes the stream that holds most. */
  private void closeLargest(EnvoyStream<?> stream) {
    stream.close(
        exceeded(stream, "held", "of all streams this one makes the control plane hold most"));
  }

  /** What a new stream holds is counted. */
  HeldBytes.Account account(EnvoyStream<?> stream) {
    return held.open(() -> closeLargest(stream));
  }

  private void closeOverdue() {
    largeResponses.overdue(System.nanoTime()).forEach(EnvoyStream::overdue);
  }

  void ended(EnvoyStream<?> stream) {
    largeResponses.withdraw(stream);
    if (open.remove(stream)) {
      counts.close(stream.remote());
      log.disconnected(stream);
    }
  }

  /** Not on the thread of the stream whose response has left, which holds the stream's lock. */
  void releaseLater(EnvoyStream<?> stream, int bytes) {
    later.execute(() -> largeResponses.release(stream, bytes));
  }

  /** Does something on another thread, which has no stream's lock. */
  void soon(Runnable what) {
    later.execute(what);
  }

  /** Does something after a while. */
  Future<?> later(Duration wait, Runnable what) {
    return later.schedule(what, wait.toNanos(), TimeUnit.NANOSECONDS);
  }

  void close() {
    later.shutdownNow();
  }
}
