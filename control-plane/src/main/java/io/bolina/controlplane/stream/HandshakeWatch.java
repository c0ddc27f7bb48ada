package io.bolina.controlplane.stream;

import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.util.function.Consumer;

/** Sees whether a connection's TLS was agreed on; the library keeps to itself why it was not. */
final class HandshakeWatch extends ChannelInboundHandlerAdapter {
  private final Consumer<Throwable> failed;

  /**
   * @param failed is told why, if it was not
   */
  HandshakeWatch(Consumer<Throwable> failed) {
    this.failed = failed;
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake) {
      if (!handshake.isSuccess()) {
        failed.accept(handshake.cause());
      }
      context.pipeline().remove(this);
    }
    context.fireUserEventTriggered(event);
  }
}
