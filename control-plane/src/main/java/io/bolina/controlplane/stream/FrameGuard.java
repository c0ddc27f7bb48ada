package io.bolina.controlplane.stream;

import io.grpc.netty.shaded.io.netty.buffer.ByteBuf;
import io.grpc.netty.shaded.io.netty.buffer.Unpooled;
import io.grpc.netty.shaded.io.netty.channel.ChannelHandlerContext;
import io.grpc.netty.shaded.io.netty.channel.ChannelInboundHandlerAdapter;
import io.grpc.netty.shaded.io.netty.util.ReferenceCountUtil;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * Ends a connection whose HTTP/2 frames cost much and bring nothing: streams that are opened and
 * reset, settings, PINGs and priorities in a flood, header blocks in endless or empty parts. It
 * looks at frames before the library does, which has no limit for some of these, and keeps nothing
 * of them.
 */
final class FrameGuard extends ChannelInboundHandlerAdapter {
  /** So many frames apart from data a connection may send a second, ten times as many at once. */
  static final int RATE = 200;

  /** In so many parts a header block may come. */
  static final int HEADER_PARTS = 8;

  private static final Duration AT_ONCE = Duration.ofSeconds(10);
  private static final long EACH = Duration.ofSeconds(1).toNanos() / RATE;

  /** A longer reason is cut. */
  private static final int REASON = 200;

  private static final int PREFACE = 24;
  private static final int HEADER = 9;
  private static final int DATA = 0;
  private static final int GOAWAY = 7;
  private static final int WINDOW_UPDATE = 8;
  private static final int CONTINUATION = 9;
  private static final int END_STREAM = 1;
  private static final int ENHANCE_YOUR_CALM = 11;

  /** A window is given back in as few frames as the sender likes: each counts as a tenth. */
  private static final int WINDOW_UPDATES_PER_FRAME = 10;

  private final Consumer<String> report;
  private final byte[] header = new byte[HEADER];
  private int have;
  private long skip = PREFACE;
  private int headerParts;
  private int windowUpdates;
  private long paidUntil = System.nanoTime();
  private boolean closed;
  private ChannelHandlerContext place;

  /**
   * @param report is told what was too much
   */
  FrameGuard(Consumer<String> report) {
    this.report = report;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (closed) {
      ReferenceCountUtil.release(message);
      return;
    }
    String tooMuch = message instanceof ByteBuf bytes ? lookAt(bytes) : "";
    if (tooMuch.isEmpty()) {
      context.fireChannelRead(message);
      return;
    }
    ReferenceCountUtil.release(message);
    report.accept(tooMuch);
    end(context, tooMuch);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext context) {
    place = context;
  }

  /** Ends the connection. */
  void end(String why) {
    place.executor().execute(() -> end(place, why));
  }

  @SuppressWarnings("FutureReturnValueIgnored") // a listener closes the connection
  private void end(ChannelHandlerContext context, String why) {
    closed = true;
    context
        .writeAndFlush(Unpooled.wrappedBuffer(goAway(why)))
        // From here: HTTP/2 would first wait for the connection's streams to end.
        .addListener(written -> context.close());
  }

  /** A frame that says goodbye with a reason. */
  static byte[] goAway(String reason) {
    byte[] text =
        reason.substring(0, Math.min(reason.length(), REASON)).getBytes(StandardCharsets.US_ASCII);
    byte[] frame = new byte[HEADER + 8 + text.length];
    frame[2] = (byte) (8 + text.length);
    frame[3] = GOAWAY;
    frame[HEADER + 7] = ENHANCE_YOUR_CALM;
    System.arraycopy(text, 0, frame, HEADER + 8, text.length);
    return frame;
  }

  /** What is too much in some bytes; empty if nothing is. */
  private String lookAt(ByteBuf bytes) {
    int index = bytes.readerIndex();
    while (index < bytes.writerIndex()) {
      if (skip > 0) {
        long skipped = Math.min(skip, bytes.writerIndex() - index);
        skip -= skipped;
        index += (int) skipped;
        continue;
      }
      header[have++] = bytes.getByte(index++);
      if (have == HEADER) {
        have = 0;
        String tooMuch = frame();
        if (!tooMuch.isEmpty()) {
          return tooMuch;
        }
      }
    }
    return "";
  }

  private String frame() {
    int length = ((header[0] & 0xff) << 16) | ((header[1] & 0xff) << 8) | (header[2] & 0xff);
    int type = header[3];
    skip = length;
    headerParts = type == CONTINUATION ? headerParts + 1 : 0;
    if (headerParts > HEADER_PARTS) {
      return "a header block in more than " + HEADER_PARTS + " parts";
    }
    if (type == DATA && (length > 0 || (header[4] & END_STREAM) != 0)) {
      return "";
    }
    if (type == WINDOW_UPDATE && ++windowUpdates % WINDOW_UPDATES_PER_FRAME != 0) {
      return "";
    }
    long now = System.nanoTime();
    paidUntil = Math.max(paidUntil, now) + EACH;
    return paidUntil - now > AT_ONCE.toNanos()
        ? "more than " + RATE + " frames a second without data"
        : "";
  }
}
