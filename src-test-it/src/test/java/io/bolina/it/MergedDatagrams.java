package io.bolina.it;

import io.bolina.runtime.HostPort;
import io.bolina.sandbox.process.Command;

/**
 * A client whose datagrams reach Envoy's socket merged: ten in one call (GSO), as QUIC stacks send
 * them, on this machine. A network card's GRO merges what others send one by one in the same way.
 */
public final class MergedDatagrams {
  private static final String CLIENT =
      """
      import socket, sys
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      s.setsockopt(socket.IPPROTO_UDP, 103, 1200)
      s.settimeout(5)
      s.connect((sys.argv[1], int(sys.argv[2])))
      answers = 0
      for _ in range(20):
          s.send(bytes(10 * 1200))
          try:
              for _ in range(10):
                  answers += s.recv(65535).startswith(b"b-")
          except TimeoutError:
              pass
          if answers >= 10:
              break
      print(answers)
      """;

  private MergedDatagrams() {}

  /** How many of its datagrams were answered; it gives up once ten were, or after 20 tries. */
  public static int answered(HostPort front) throws Exception {
    return Integer.parseInt(
        Command.of("python3", "-c", CLIENT, front.host(), Integer.toString(front.port()))
            .run()
            .strip());
  }
}
