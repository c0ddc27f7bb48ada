package io.bolina.controlplane.stream;

import io.bolina.controlplane.limits.HeldBytes;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerStreamTracer;

/** What a stream has received of a request that is not whole yet. */
final class ReceiveMeter extends ServerStreamTracer {
  private static final Context.Key<ReceiveMeter> CURRENT = Context.key("receive-meter");

  /** A piece keeps the buffer that it came in, so many bytes on average. */
  private static final int PIECE = 2_048;

  private HeldBytes.Account account;
  private long limit = Long.MAX_VALUE;
  private Runnable tooLarge;
  private long unfinished;
  private long wire;

  /** Makes one for each stream. */
  static final class Factory extends ServerStreamTracer.Factory {
    @Override
    public ServerStreamTracer newServerStreamTracer(String method, Metadata headers) {
      return new ReceiveMeter();
    }
  }

  /** That of the call at hand. */
  static ReceiveMeter current() {
    return CURRENT.get();
  }

  @Override
  public Context filterContext(Context context) {
    return context.withValue(CURRENT, this);
  }

  /**
   * Begins to count; all calls are the connection's thread's.
   *
   * @param stream where it counts
   * @param most of one request, in bytes
   * @param close closes the stream, later: not in the midst of reading
   */
  void count(HeldBytes.Account stream, long most, Runnable close) {
    account = stream;
    limit = most;
    tooLarge = close;
  }

  @Override
  public void inboundWireSize(long bytes) {
    if (account == null) {
      return;
    }
    wire += bytes;
    unfinished += bytes + PIECE;
    account.add(bytes + PIECE);
    if (wire > limit) {
      limit = Long.MAX_VALUE;
      tooLarge.run();
    }
  }

  @Override
  public void inboundMessageRead(int number, long wireSize, long size) {
    if (account != null) {
      account.add(-unfinished);
      unfinished = 0;
      wire = 0;
    }
  }
}
