package io.bolina.controlplane.stream;

import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.runtime.HostPort;
import io.grpc.Codec;
import io.grpc.DecompressorRegistry;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.InternalNettyServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiator.ProtocolNegotiator;
import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiators;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.ChannelOption;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** How ports are listened on for gRPC: with limits on what happens below a request. */
final class XdsTransport {
  /** Headers of a call; an Envoy's have some hundred bytes. */
  private static final int METADATA = 8_192;

  /** Streams that a connection may reset in a while. */
  private static final int RESETS = 200;

  private static final int RESETS_WITHIN_S = 10;

  /** How long a connection may take to negotiate, and to have no stream. */
  private static final int IDLE_S = 30;

  private final XdsLimits limits;
  private final Connections connections;
  private final XdsMethods methods;

  XdsTransport(XdsLimits limits, Connections connections, XdsMethods methods) {
    this.limits = limits;
    this.connections = connections;
    this.methods = methods;
  }

  /** A port without TLS, not open yet. */
  Server plain(HostPort listen) {
    return server(listen, InternalProtocolNegotiators::serverPlaintext);
  }

  /**
   * A port with TLS, not open yet.
   *
   * @param context is asked anew by each connection; one that is up keeps its own
   */
  Server tls(HostPort listen, Supplier<SslContext> context) {
    return server(listen, () -> InternalProtocolNegotiators.serverTls(context.get()));
  }

  /**
   * A port, not open yet.
   *
   * @param negotiation what each new connection begins with
   */
  Server server(HostPort listen, Supplier<ProtocolNegotiator> negotiation) {
    return NettyServerBuilder.forAddress(
            listen.socketAddress(),
            InternalNettyServerCredentials.create(new GuardedNegotiation(negotiation, connections)))
        // Handling a request never blocks, so it needs no thread of its own.
        .directExecutor()
        .addServices(methods.all())
        .addStreamTracerFactory(new ReceiveMeter.Factory())
        // Finds dead connections, and lets Envoys find them too.
        .keepAliveTime(KeepAlive.INTERVAL.toMillis(), TimeUnit.MILLISECONDS)
        .keepAliveTimeout(KeepAlive.TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveTime(KeepAlive.PERMITTED.toMillis(), TimeUnit.MILLISECONDS)
        .permitKeepAliveWithoutCalls(true)
        .withChildOption(ChannelOption.SO_SNDBUF, KeepAlive.SEND_BUFFER)
        .maxConcurrentCallsPerConnection(limits.connectionStreams())
        // What is small on the wire is small when it is read: no Envoy compresses requests.
        .decompressorRegistry(DecompressorRegistry.emptyInstance().with(Codec.Identity.NONE, true))
        // Its own refusal would give the peer no reason; ReceiveMeter refuses before.
        .maxInboundMessageSize(Integer.MAX_VALUE)
        .maxInboundMetadataSize(METADATA)
        .maxRstFramesPerWindow(RESETS, RESETS_WITHIN_S)
        .handshakeTimeout(IDLE_S, TimeUnit.SECONDS)
        .maxConnectionIdle(IDLE_S, TimeUnit.SECONDS)
        .build();
  }
}
