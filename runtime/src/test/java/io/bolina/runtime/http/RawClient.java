package io.bolina.runtime.http;

import io.bolina.runtime.HostPort;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Somebody who speaks HTTP as slowly, and reads as little, as a test wants. */
final class RawClient implements AutoCloseable {
  private static final int PATIENCE_MILLIS = 30_000;

  private final Socket socket = new Socket();

  RawClient(HostPort at) throws IOException {
    socket.setReceiveBufferSize(4_096);
    socket.connect(new InetSocketAddress(at.host(), at.port()), PATIENCE_MILLIS);
    socket.setSoTimeout(PATIENCE_MILLIS);
  }

  /** Asks for a page as a program on this host does. */
  static RawClient asking(HostPort at, String method, String path, String... headers)
      throws IOException {
    StringBuilder request = new StringBuilder(method + " " + path + " HTTP/1.1\r\n");
    for (String header : headers) {
      request.append(header).append("\r\n");
    }
    if (request.indexOf("\r\nHost:") < 0) {
      request.append("Host: localhost\r\n");
    }
    RawClient client = new RawClient(at);
    client.send(request.append("\r\n").toString());
    return client;
  }

  void send(String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  /** Reads no more than the status. */
  int status() throws IOException {
    byte[] line = socket.getInputStream().readNBytes("HTTP/1.1 200".length());
    return Integer.parseInt(new String(line, StandardCharsets.ISO_8859_1).substring(9));
  }

  /** Reads all that comes until the other side closes; whether it had to. */
  boolean isClosedByPeer() {
    try {
      InputStream in = socket.getInputStream();
      return in.transferTo(new ByteArrayOutputStream()) >= 0;
    } catch (java.net.SocketTimeoutException e) {
      return false;
    } catch (IOException e) {
      return true; // reset
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
