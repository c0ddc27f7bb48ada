package io.bolina.benchmarks;

import io.bolina.runtime.HostPort;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Connections that are no Envoy's: some say nothing, some half of a request, some nonsense, and
 * none of them reads. At most a few are open, the oldest goes when another comes.
 */
final class HostilePeers implements AutoCloseable {
  private static final int OPEN = 20;
  private static final byte[] PREFACE =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII);

  /** SETTINGS without any, and the head of HEADERS that never come. */
  private static final byte[] HALF = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 99, 1, 4, 0, 0, 0, 1};

  private final HostPort target;
  private final Deque<Socket> open = new ArrayDeque<>();
  private int count;

  HostilePeers(HostPort target) {
    this.target = target;
  }

  /** Lets one more come. */
  void one() throws IOException {
    Socket socket = new Socket(target.host(), target.port());
    open.add(socket);
    try {
      switch (count++ % 4) {
        case 0 -> {
          // a mute one
        }
        case 1 -> socket.getOutputStream().write(PREFACE);
        case 2 -> {
          socket.getOutputStream().write(PREFACE);
          socket.getOutputStream().write(HALF);
        }
        default ->
            socket
                .getOutputStream()
                .write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      }
    } catch (IOException e) {
      // it has been shown out already, as it should be
    }
    if (open.size() > OPEN) {
      open.remove().close();
    }
  }

  int count() {
    return count;
  }

  @Override
  public void close() throws IOException {
    for (Socket socket : open) {
      socket.close();
    }
  }
}
