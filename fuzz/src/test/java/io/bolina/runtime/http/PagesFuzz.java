package io.bolina.runtime.http;

import io.bolina.fuzz.Loopback;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * Bytes on a connection to the pages, which then ends: an answer in HTTP or none, and the next
 * probe is answered.
 */
public final class PagesFuzz {
  private static final PagesServer PAGES =
      new PagesServer("Fuzzed", HostPort.parse("127.0.0.1:0"), "admin", Telemetry.create())
          .probe("/healthz", "200", Optional::empty)
          .metrics();
  private static final AdminClient CLIENT;
  private static final int PORT;
  private static int cases;

  static {
    Loopback.allow();
    try {
      PAGES.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    PORT = PAGES.address().port();
    CLIENT = new AdminClient("server", URI.create("http://" + PAGES.address()), "admin");
  }

  private PagesFuzz() {}

  public static void fuzzerTestOneInput(byte[] data) throws Exception {
    byte[] answer = answer(data);
    String start = new String(answer, StandardCharsets.ISO_8859_1);
    if (answer.length > 0 && !start.startsWith("HTTP/1.")) {
      // HTTP/0.9 had no head, and is not spoken here.
      throw new IllegalStateException("no answer in HTTP: " + start);
    }
    if (++cases % 64 == 0 && CLIENT.ask("GET", "/healthz", "").statusCode() != 200) {
      throw new IllegalStateException("a probe is not answered");
    }
  }

  private static byte[] answer(byte[] data) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), PORT)) {
      socket.setSoTimeout(20_000);
      socket.getOutputStream().write(data);
      socket.shutdownOutput();
      return socket.getInputStream().readAllBytes();
    } catch (SocketException e) {
      return new byte[0]; // reset: it was answered before its end, and the rest is not read
    }
  }
}
