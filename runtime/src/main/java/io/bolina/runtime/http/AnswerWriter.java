package io.bolina.runtime.http;

import java.nio.ByteBuffer;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.IteratingCallback;

/**
 * Writes an answer piece by piece, as it is read, so that one that is not read is seen not to be.
 * No thread waits meanwhile.
 */
final class AnswerWriter extends IteratingCallback {
  private static final int PIECE = 32 * 1024;

  private final Response response;
  private final PageAnswer answer;
  private final ByteBuffer content;
  private final PageConnection connection;
  private final Callback callback;
  private boolean begun;

  /**
   * @param bare whether only the headers are wanted
   * @param callback is told how it ended
   */
  AnswerWriter(
      Response response,
      PageAnswer answer,
      boolean bare,
      PageConnection connection,
      Callback callback) {
    this.response = response;
    this.answer = answer;
    this.content = bare ? ByteBuffer.allocate(0) : answer.content();
    this.connection = connection;
    this.callback = callback;
  }

  @Override
  protected Action process() {
    connection.answerMoves(System.nanoTime());
    if (begun && !content.hasRemaining()) {
      return Action.SUCCEEDED;
    }
    begun = true;
    int size = Math.min(PIECE, content.remaining());
    ByteBuffer piece = content.slice(content.position(), size);
    content.position(content.position() + size);
    response.write(!content.hasRemaining(), piece, this);
    return Action.SCHEDULED;
  }

  @Override
  protected void onCompleteSuccess() {
    answer.ended();
    connection.requestAwaited(System.nanoTime());
    callback.succeeded();
  }

  @Override
  protected void onCompleteFailure(Throwable cause) {
    answer.ended();
    callback.failed(cause);
  }

  @Override
  public InvocationType getInvocationType() {
    return InvocationType.NON_BLOCKING;
  }
}
