package io.bolina.controlplane.stream;

import io.grpc.ServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.shaded.io.grpc.netty.InternalNettyServerCredentials;
import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiator.ProtocolNegotiator;
import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiators;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandler;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContext;
import io.grpc.netty.shaded.io.netty.util.AsciiString;
import java.util.function.Supplier;

/** TLS whose certificates are asked for anew by each connection; one that is up keeps its own. */
final class TlsPerConnection implements ProtocolNegotiator {
  private final Supplier<SslContext> context;

  private TlsPerConnection(Supplier<SslContext> context) {
    this.context = context;
  }

  static ServerCredentials with(Supplier<SslContext> context) {
    return InternalNettyServerCredentials.create(new TlsPerConnection(context));
  }

  @Override
  public AsciiString scheme() {
    return AsciiString.of("https");
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler http2) {
    return InternalProtocolNegotiators.serverTls(context.get()).newHandler(http2);
  }

  @Override
  public void close() {
    // It holds nothing.
  }
}
