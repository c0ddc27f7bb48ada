package io.bolina.controlplane.stream;

import io.bolina.controlplane.limits.LimitLog;
import io.bolina.controlplane.limits.Peer;
import io.bolina.controlplane.limits.PeerCounts;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Printable;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.Warnings;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/** The connections that are open now. */
final class Connections {
  private final LimitLog log;
  private final Warnings warnings;
  private final PeerCounts counts;

  /** What ends each, by the peer's address. It is given the reason. */
  private final Map<String, Consumer<String>> ends = new ConcurrentHashMap<>();

  Connections(XdsLimits limits, LimitLog log, Telemetry telemetry) {
    this.log = log;
    this.warnings = telemetry.warnings();
    this.counts = new PeerCounts("connections", limits.connections());
    telemetry.meters().gauge("bolina.xds.connections", counts, PeerCounts::all);
  }

  /**
   * One has come. It counts until it has {@linkplain #closed closed}, unless it is refused.
   *
   * @return why it is refused; empty if it is not
   */
  Optional<String> opened(Peer peer) {
    Optional<String> limit = counts.open(peer);
    limit.ifPresent(which -> log.exceeded(which, peer, "too many connections"));
    return limit.map(which -> "too many connections");
  }

  void closed(Peer peer) {
    ends.remove(peer.address());
    counts.close(peer);
  }

  /** Its frames are looked at from now on. */
  void endsBy(Peer peer, Consumer<String> end) {
    ends.put(peer.address(), end);
  }

  /** One sends frames that bring nothing. */
  void exceeded(Peer peer, String why) {
    log.exceeded("frames", peer, why);
  }

  /** TLS was not agreed on with one: it has no certificate, say, or none that is trusted. */
  void noTls(Peer peer, Throwable why) {
    Throwable root = why;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    warnings
        .warn("xds-tls", peer.network())
        .addKeyValue("peer", peer.address())
        .addKeyValue("reason", Printable.cut(FailureReason.of(root)))
        .log("xds client refused: no TLS with a certificate that is trusted");
  }

  /** Ends the connection of a peer with whatever is on it. */
  void end(Peer peer, String why) {
    Consumer<String> end = ends.get(peer.address());
    if (end != null) {
      end.accept(why);
    }
  }
}
