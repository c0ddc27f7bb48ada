package io.bolina.it;

import io.bolina.runtime.HostPort;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A TCP link in front of a server that passes on what the server sends only so fast. */
final class SlowLink implements AutoCloseable {
  /** What may lie on the link, beside what the kernels of both ends keep. */
  private static final int BUFFER = 16 << 10;

  private volatile HostPort server;
  private final int bytesPerSecond;
  private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final List<Socket> open = new ArrayList<>();
  private final AtomicInteger connections = new AtomicInteger();

  SlowLink(HostPort server, int bytesPerSecond) throws IOException {
    this.server = server;
    this.bytesPerSecond = bytesPerSecond;
    start("slow-link", this::accept);
  }

  HostPort address() {
    return new HostPort("127.0.0.1", listening.getLocalPort());
  }

  /** Whoever connects from now on is led to another server. */
  void leadTo(HostPort other) {
    server = other;
  }

  /** How often somebody connected. */
  int connections() {
    return connections.get();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listening.accept();
        connections.incrementAndGet();
        Socket upstream = new Socket();
        synchronized (open) {
          open.add(client);
          open.add(upstream);
        }
        upstream.setReceiveBufferSize(BUFFER);
        client.setSendBufferSize(BUFFER);
        try {
          upstream.connect(server.socketAddress());
        } catch (IOException e) {
          client.close();
          continue;
        }
        start("slow-link-up", () -> pass(client, upstream, Integer.MAX_VALUE));
        start("slow-link-down", () -> pass(upstream, client, bytesPerSecond));
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private static void pass(Socket from, Socket to, int bytesPerSecond) {
    byte[] buffer = new byte[4 << 10];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        out.write(buffer, 0, count);
        Thread.sleep(count * 1_000L / bytesPerSecond);
      }
    } catch (IOException e) {
      // Either end has gone.
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void start(String name, Runnable what) {
    Thread thread = new Thread(what, name);
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public void close() throws IOException {
    listening.close();
    synchronized (open) {
      for (Socket socket : open) {
        socket.close();
      }
    }
  }
}
