package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Editions;
import io.bolina.runtime.Warnings;
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
  private final CollectionLogs logs = new CollectionLogs();
  private final EnvoyStreams streams;
  private final Server server;

  /**
   * @param gateIsWanted whether an Envoy without the gate deserves a warning
   * @param oneByOne whether Envoys that can are told of servers one by one
   * @throws IOException if the address cannot be listened on
   */
  public XdsServer(
      InetSocketAddress listen,
      MeterRegistry meters,
      Warnings warnings,
      Clock clock,
      boolean gateIsWanted,
      boolean oneByOne)
      throws IOException {
    streams = new EnvoyStreams(meters, warnings, clock, gateIsWanted);
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(listen)
            // Handling a request never blocks, so it needs no thread of its own.
            .directExecutor()
            .addServices(new XdsMethods(streams, logs, clock, oneByOne).all())
            // Finds out that an Envoy is gone without a word, and lets Envoys find out the same.
            .keepAliveTime(30, TimeUnit.SECONDS)
            .keepAliveTimeout(10, TimeUnit.SECONDS)
            .permitKeepAliveTime(5, TimeUnit.SECONDS)
            .permitKeepAliveWithoutCalls(true);
    try {
      server = builder.build().start();
    } catch (IOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(
          "cannot listen on " + listen + " for Envoys (xds): " + cause.getMessage(), e);
    }
  }

  /** Serves something new to every stream. */
  public void serve(Editions now) {
    // The same servers in every edition.
    logs.serve(now.plain());
    streams.serve(now);
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
    streams.close();
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
