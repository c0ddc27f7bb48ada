package io.bolina.controlplane.stream;

import io.bolina.controlplane.limits.Peer;
import io.grpc.netty.shaded.io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.shaded.io.grpc.netty.InternalProtocolNegotiator.ProtocolNegotiator;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.ChannelFutureListener;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandler;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslHandler;
import io.grpc.netty.shaded.io.netty.util.AsciiString;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What happens to a connection before HTTP/2: it is counted, and closed if there are too many; then
 * it is negotiated as another negotiation says, and its frames are looked at.
 */
final class GuardedNegotiation implements ProtocolNegotiator {
  /** An empty SETTINGS frame: without it, a client does not read why it is sent away. */
  private static final byte[] SETTINGS = {0, 0, 0, 4, 0, 0, 0, 0, 0};

  private final Supplier<ProtocolNegotiator> negotiation;
  private final Connections connections;

  /**
   * @param negotiation is asked anew for each connection: plain, or TLS with the certificate of
   *     that moment
   */
  GuardedNegotiation(Supplier<ProtocolNegotiator> negotiation, Connections connections) {
    this.negotiation = negotiation;
    this.connections = connections;
  }

  @Override
  public AsciiString scheme() {
    return negotiation.get().scheme();
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler http2) {
    ProtocolNegotiator chosen = negotiation.get();
    boolean plain = chosen.scheme().contentEqualsIgnoreCase("http");
    return new Arrival(chosen.newHandler(http2), plain);
  }

  @Override
  public void close() {
    // A negotiation is made for each connection and holds nothing.
  }

  /** A connection that has just come. */
  @SuppressWarnings("FutureReturnValueIgnored") // what is written and closed is seen by nobody else
  private final class Arrival extends ChannelInboundHandlerAdapter {
    private final ChannelHandler negotiator;
    private final boolean plain;
    private Optional<String> refusal = Optional.empty();

    private Arrival(ChannelHandler negotiator, boolean plain) {
      this.negotiator = negotiator;
      this.plain = plain;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
      Peer peer = Peer.at(context.channel().remoteAddress());
      refusal = connections.opened(peer);
      if (refusal.isPresent()) {
        if (context.channel().isActive()) {
          refuse(context);
        }
        return;
      }
      context.channel().closeFuture().addListener(future -> connections.closed(peer));
      context.pipeline().addAfter(context.name(), null, negotiator);
      guard(context, peer);
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
      if (refusal.isPresent()) {
        refuse(context);
        return;
      }
      context.fireChannelActive();
      if (!context.isRemoved()) {
        guard(context, Peer.at(context.channel().remoteAddress()));
      }
    }

    private void refuse(ChannelHandlerContext context) {
      if (!plain) {
        context.close();
        return;
      }
      context.write(Unpooled.wrappedBuffer(SETTINGS));
      context
          .writeAndFlush(Unpooled.wrappedBuffer(FrameGuard.goAway(refusal.orElseThrow())))
          .addListener(ChannelFutureListener.CLOSE);
    }

    /** Frames are looked at where they are no longer encrypted. */
    private void guard(ChannelHandlerContext context, Peer peer) {
      FrameGuard guard = new FrameGuard(why -> connections.exceeded(peer, why));
      SslHandler tls = context.pipeline().get(SslHandler.class);
      if (plain) {
        context.pipeline().replace(this, null, guard);
      } else if (tls != null) {
        context.pipeline().addAfter(context.pipeline().context(tls).name(), null, guard);
        context.pipeline().remove(this);
      }
      connections.endsBy(peer, guard::end);
    }
  }
}
