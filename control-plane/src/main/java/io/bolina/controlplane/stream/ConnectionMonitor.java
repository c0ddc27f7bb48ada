package io.bolina.controlplane.stream;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Warns of what is wrong with who connects: no Envoy does, or two Envoys have the same node id. It
 * looks every few seconds, since both show only in what does not change.
 */
final class ConnectionMonitor implements AutoCloseable {
  /**
   * A stream whose connection is dead is closed by keep-alive within this time. Before that, a
   * second stream of a node id may be the same Envoy, which has reconnected.
   */
  static final Duration KEEP_ALIVE = Duration.ofSeconds(15);

  private static final Duration PERIOD = Duration.ofSeconds(5);
  private static final Logger log = LoggerFactory.getLogger(ConnectionMonitor.class);

  private final EnvoyStreams streams;
  private final Duration patience;
  private final Telemetry telemetry;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread t = new Thread(task, "xds-connections");
            t.setDaemon(true);
            return t;
          });
  private Optional<Instant> aloneSince = Optional.empty();
  private boolean warned;
  private Future<?> checking = CompletableFuture.completedFuture(null);
  private Set<Duplicate> reported = Set.of();

  /** Two or more streams of one method at a time whose Envoys have the same node id. */
  private record Duplicate(String node, Set<String> peers) {}

  /**
   * @param patience for how long no Envoy may be connected before it is worth a warning
   */
  ConnectionMonitor(EnvoyStreams streams, Duration patience, Telemetry telemetry) {
    this.streams = streams;
    this.patience = patience;
    this.telemetry = telemetry;
  }

  /**
   * Looks again and again.
   *
   * @param xds where Envoys connect
   */
  void start(HostPort xds) {
    long millis = Math.max(100, Math.min(PERIOD.toMillis(), patience.toMillis() / 2));
    checking =
        thread.scheduleWithFixedDelay(
            () -> checkSafely(xds), millis, millis, TimeUnit.MILLISECONDS);
  }

  @Override
  public void close() {
    checking.cancel(false);
    thread.shutdownNow();
  }

  private void checkSafely(HostPort xds) {
    try {
      check(xds);
    } catch (RuntimeException e) {
      log.atError().setCause(e).log("unexpected error; retrying");
    }
  }

  /** Looks at the streams that are open now. */
  void check(HostPort xds) {
    Collection<EnvoyStream<?>> identified =
        streams.open().stream().filter(EnvoyStream::isIdentified).toList();
    Clock clock = telemetry.clock();
    checkConnected(!identified.isEmpty(), xds, clock.instant());
    checkNodeIds(identified, clock.instant());
  }

  private void checkConnected(boolean connected, HostPort xds, Instant now) {
    if (connected || streams.served() == null) {
      if (warned) {
        log.atInfo().addKeyValue("xds", xds).log("envoys connected again");
      }
      aloneSince = Optional.empty();
      warned = false;
      return;
    }
    aloneSince = aloneSince.or(() -> Optional.of(now));
    if (!warned && !aloneSince.get().plus(patience).isAfter(now)) {
      warned = true;
      log.atWarn()
          .addKeyValue("xds", xds)
          .addKeyValue("seconds", Duration.between(aloneSince.get(), now).toSeconds())
          .addKeyValue("hint", hint(xds))
          .log("no envoy connected");
    }
  }

  private static String hint(HostPort xds) {
    var address = xds.socketAddress().getAddress();
    return address != null && address.isLoopbackAddress()
        ? "xds is a loopback address, to which Envoys on other hosts cannot connect; set xds to an"
            + " address of this host that they reach"
        : "check --xds in the Envoys' bootstrap, and firewalls in between; with several replicas,"
            + " all Envoys may be connected to the others";
  }

  private void checkNodeIds(Collection<EnvoyStream<?>> streams, Instant now) {
    // Of one supervisor's Envoys, one hands over to the next for a while; their epochs differ.
    Map<String, Set<String>> peers = new TreeMap<>();
    for (EnvoyStream<?> stream : streams) {
      if (!stream.connectedAt().plus(KEEP_ALIVE).isAfter(now)) {
        peers
            .computeIfAbsent(
                stream.method() + " " + stream.restartEpoch() + " " + stream.node(),
                key -> new TreeSet<>())
            .add(stream.peer());
      }
    }
    Set<Duplicate> duplicates = new HashSet<>();
    peers.forEach(
        (key, of) -> {
          if (of.size() > 1) {
            duplicates.add(new Duplicate(key.split(" ", 3)[2], of));
          }
        });
    duplicates.stream().filter(d -> !reported.contains(d)).forEach(this::report);
    reported = duplicates;
  }

  private void report(Duplicate duplicate) {
    telemetry
        .warnings()
        .warn("duplicate-node-id", duplicate.node())
        .addKeyValue("envoy", duplicate.node())
        .addKeyValue("peers", duplicate.peers())
        .addKeyValue(
            "hint",
            "give each Envoy a node id of its own (bolina envoy-bootstrap --node-id); during a hot"
                + " restart by another supervisor than bolina-envoy it has two processes for a while")
        .log("duplicate node id");
  }
}
