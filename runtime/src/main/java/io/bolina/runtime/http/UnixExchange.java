package io.bolina.runtime.http;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/**
 * One request over a Unix socket, which the JDK's client does not know. The pages that are asked so
 * answer with a length and close, so that this is all of HTTP that it takes.
 */
final class UnixExchange {
  private static final int LARGEST_ANSWER = 1024 * 1024;

  private UnixExchange() {}

  /**
   * Asks, and waits for the whole answer.
   *
   * @param headers further ones, each with its line end
   */
  static AdminAnswer ask(
      Path socket, String method, String path, String headers, String body, Duration patience)
      throws IOException {
    byte[] content = body.getBytes(StandardCharsets.UTF_8);
    String head =
        method
            + " "
            + path
            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: "
            + content.length
            + "\r\n"
            + headers
            + "\r\n";
    long end = System.nanoTime() + patience.toNanos();
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        Selector selector = Selector.open()) {
      channel.configureBlocking(false);
      SelectionKey key = channel.register(selector, SelectionKey.OP_WRITE);
      ByteBuffer request = ByteBuffer.allocate(head.length() + content.length);
      request.put(head.getBytes(StandardCharsets.ISO_8859_1)).put(content).flip();
      while (request.hasRemaining()) {
        await(selector, end);
        channel.write(request);
      }
      key.interestOps(SelectionKey.OP_READ);
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      ByteBuffer part = ByteBuffer.allocate(8 * 1024);
      while (channel.read(part) >= 0) {
        answer.write(part.array(), 0, part.position());
        part.clear();
        if (answer.size() > LARGEST_ANSWER) {
          throw new IOException("the answer is larger than " + LARGEST_ANSWER + " bytes");
        }
        await(selector, end);
      }
      return parse(answer.toString(StandardCharsets.UTF_8));
    }
  }

  private static void await(Selector selector, long end) throws IOException {
    long left = (end - System.nanoTime()) / 1_000_000;
    selector.selectedKeys().clear();
    if (left <= 0 || selector.select(left) == 0) {
      throw new IOException("request timed out");
    }
  }

  private static AdminAnswer parse(String answer) throws IOException {
    int head = answer.indexOf("\r\n\r\n");
    if (head < 0 || !answer.startsWith("HTTP/1.1 ") || head < "HTTP/1.1 200".length()) {
      throw new IOException("the answer is not HTTP");
    }
    try {
      int status = Integer.parseInt(answer.substring(9, 12));
      return new AdminAnswer(status, answer.substring(head + 4));
    } catch (NumberFormatException e) {
      throw new IOException("the answer is not HTTP", e);
    }
  }
}
