package io.bolina.agent.probe;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Whether a UDP socket is bound to the server's port on this machine, by the kernel's own list of
 * them; in a pod that is the pod's. Costs the server nothing and needs no setting. A port that was
 * never seen bound says nothing: the server may be elsewhere.
 */
public final class SocketLife implements LifeWatch {
  private static final List<Path> LISTS =
      List.of(Path.of("/proc/net/udp"), Path.of("/proc/net/udp6"));

  private final int port;
  private final List<Path> lists;
  private boolean seen;
  private long lastNanos = System.nanoTime();
  private long costNanos;

  /**
   * @param port the server's UDP port
   */
  public SocketLife(int port) {
    this(port, LISTS);
  }

  SocketLife(int port, List<Path> lists) {
    this.port = port;
    this.lists = lists;
  }

  @Override
  public boolean asksServer() {
    return false;
  }

  /** A machine with very many sockets has a long list: it takes a twentieth of the time at most. */
  @Override
  public boolean isDue() {
    return System.nanoTime() - lastNanos >= 20 * costNanos;
  }

  @Override
  public LifeSign look() {
    lastNanos = System.nanoTime();
    LifeSign sign = read();
    costNanos = System.nanoTime() - lastNanos;
    return sign;
  }

  private LifeSign read() {
    String suffix = String.format(Locale.ROOT, ":%04X", port);
    boolean read = false;
    try {
      for (Path list : lists) {
        boolean there = Files.exists(list); // without IPv6 there is one
        read |= there;
        if (there && isBound(list, suffix)) {
          seen = true;
          return new LifeSign(LifeSign.Kind.BOUND, "", "UDP port " + port + " is bound");
        }
      }
    } catch (IOException e) {
      return LifeSign.UNKNOWN;
    }
    return seen && read
        ? new LifeSign(LifeSign.Kind.UNBOUND, "", "no UDP socket is bound to port " + port)
        : LifeSign.UNKNOWN;
  }

  private static boolean isBound(Path list, String suffix) throws IOException {
    try (BufferedReader lines = Files.newBufferedReader(list, StandardCharsets.ISO_8859_1)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        // "  123: 0100007F:1B59 00000000:0000 07 …": a socket that talks to one peer is no
        // server's.
        int local = line.indexOf(": ");
        if (local >= 0
            && line.startsWith(suffix, line.indexOf(':', local + 2))
            && line.startsWith(":0000 ", line.indexOf(':', line.indexOf(' ', local + 2)))) {
          return true;
        }
      }
    }
    return false;
  }
}
