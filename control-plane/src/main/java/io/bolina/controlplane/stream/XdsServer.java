package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Editions;
import io.bolina.registry.Warnings;
import io.envoyproxy.controlplane.server.DefaultExecutorGroup;
import io.envoyproxy.controlplane.server.V3DiscoveryServer;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Streams what is served to every Envoy that connects. */
public final class XdsServer implements AutoCloseable {
  private final HeldRequests heldRequests = new HeldRequests();
  private final PackedOnce packedOnce = new PackedOnce();
  private final EnvoyStreams streams;
  private final Server server;

  /**
   * @param gateIsWanted whether an Envoy without the gate deserves a warning
   * @throws IOException if the address cannot be listened on
   */
  public XdsServer(
      InetSocketAddress listen,
      MeterRegistry meters,
      Warnings warnings,
      Clock clock,
      boolean gateIsWanted)
      throws IOException {
    streams = new EnvoyStreams(meters, warnings, clock, gateIsWanted);
    V3DiscoveryServer discovery =
        new V3DiscoveryServer(
            List.of(streams), heldRequests, new DefaultExecutorGroup(), packedOnce);
    Server unstarted =
        NettyServerBuilder.forAddress(listen)
            // Handling a request never blocks, so it needs no thread of its own.
            .directExecutor()
            .intercept(streams)
            .addService(discovery.getAggregatedDiscoveryServiceImpl())
            .addService(discovery.getClusterDiscoveryServiceImpl())
            .addService(discovery.getEndpointDiscoveryServiceImpl())
            .addService(discovery.getListenerDiscoveryServiceImpl())
            // Finds out that an Envoy is gone without a word, and lets Envoys find out the same.
            .keepAliveTime(30, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .permitKeepAliveTime(5, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true)
            .build();
    try {
      server = unstarted.start();
    } catch (IOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(
          "cannot listen on " + listen + " for Envoys (xds): " + cause.getMessage(), e);
    }
  }

  /** Serves something new to every stream. */
  public void serve(Editions now) {
    packedOnce.serve(now);
    heldRequests.serve(now);
  }

  /** The streams that are open now. */
  public List<EnvoyStatus> envoys() {
    return streams.statuses();
  }

  /** The port it listens on. */
  public int port() {
    return server.getPort();
  }

  /** Closes all streams; the Envoys go on with what they have and connect to another replica. */
  @Override
  public void close() {
    server.shutdown();
    server.shutdownNow();
    try {
      if (!server.awaitTermination(5, TimeUnit.SECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
