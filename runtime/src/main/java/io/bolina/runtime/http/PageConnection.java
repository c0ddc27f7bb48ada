package io.bolina.runtime.http;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.NetworkChannel;
import java.time.Duration;
import java.util.Optional;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.io.SelectableChannelEndPoint;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A connection, what it does, and by when that must have come to an end. */
final class PageConnection {
  /** For the first request to have come, without its body. */
  private static final Duration FIRST_HEADER = Duration.ofSeconds(10);

  /** The same for each further one, counted from the last answer. */
  private static final Duration NEXT_HEADER = Duration.ofSeconds(60);

  /** For a body to have come. */
  private static final Duration BODY = Duration.ofSeconds(5);

  /** For an answer to be made. */
  private static final Duration WORK = Duration.ofMinutes(1);

  /** For a part of an answer to be read. */
  private static final Duration UNREAD = Duration.ofSeconds(10);

  /** How fast an answer must be read on the whole. */
  private static final int BYTES_A_SECOND = 64 * 1024;

  private static final Logger log = LoggerFactory.getLogger(PageConnection.class);

  private final Connection connection;
  private final String peer;

  /** All below changes together, seldom. */
  private Phase phase = Phase.HEADER;

  private long sinceNanos;
  private long progressNanos;
  private int length;
  private boolean answered;

  private enum Phase {
    HEADER,
    BODY,
    WORK,
    ANSWER
  }

  PageConnection(Connection connection, long nowNanos) {
    this.connection = connection;
    this.peer = peer(connection.getEndPoint().getRemoteSocketAddress());
    this.sinceNanos = nowNanos;
    this.progressNanos = nowNanos;
  }

  private static String peer(SocketAddress address) {
    if (address instanceof InetSocketAddress inet) {
      InetAddress ip = inet.getAddress();
      return ip == null ? "unknown" : ip.getHostAddress();
    }
    return "unix";
  }

  /** Who is at the other end: an address, or {@code unix}. */
  String peer() {
    return peer;
  }

  synchronized void bodyAwaited(long nowNanos) {
    become(Phase.BODY, nowNanos);
  }

  synchronized void worksOn(long nowNanos) {
    become(Phase.WORK, nowNanos);
  }

  synchronized void answers(int bytes, long nowNanos) {
    become(Phase.ANSWER, nowNanos);
    length = bytes;
  }

  synchronized void answerMoves(long nowNanos) {
    progressNanos = nowNanos;
  }

  synchronized void requestAwaited(long nowNanos) {
    become(Phase.HEADER, nowNanos);
    answered = true;
  }

  private void become(Phase next, long nowNanos) {
    phase = next;
    sinceNanos = nowNanos;
    progressNanos = nowNanos;
  }

  /** Whether its answer is not read, for some time now. */
  synchronized boolean isStalled(Duration time, long nowNanos) {
    return phase == Phase.ANSWER && nowNanos - progressNanos >= time.toNanos();
  }

  /** What has taken too long; empty while nothing has. */
  synchronized Optional<String> overdue(long nowNanos) {
    long age = nowNanos - sinceNanos;
    return switch (phase) {
      case HEADER -> late(age, answered ? NEXT_HEADER : FIRST_HEADER, "request");
      case BODY -> late(age, BODY, "body");
      case WORK -> late(age, WORK, "work");
      case ANSWER ->
          late(nowNanos - progressNanos, UNREAD, "answer")
              .or(() -> late(age, UNREAD.plusSeconds(length / BYTES_A_SECOND), "answer"));
    };
  }

  private static Optional<String> late(long age, Duration limit, String what) {
    return age > limit.toNanos() ? Optional.of(what) : Optional.empty();
  }

  /** When anything last happened: who has been without for longest makes room for others. */
  synchronized long lastMoveNanos() {
    return progressNanos;
  }

  synchronized boolean isIdleAfterAnswer() {
    return phase == Phase.HEADER && answered;
  }

  /** Ends it at once, with what was not sent. */
  void abort() {
    EndPoint end = connection.getEndPoint();
    if (end instanceof SelectableChannelEndPoint selectable
        && selectable.getChannel() instanceof NetworkChannel channel
        && channel.supportedOptions().contains(StandardSocketOptions.SO_LINGER)) {
      try {
        // Else the kernel would keep what is not read for minutes.
        channel.setOption(StandardSocketOptions.SO_LINGER, 0);
      } catch (IOException e) {
        log.debug("closed meanwhile", e);
      }
    }
    end.close(new IOException("too slow, or too many"));
  }
}
