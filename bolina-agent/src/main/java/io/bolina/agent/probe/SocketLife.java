package io.bolina.agent.probe;

import java.io.BufferedReader;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Whether a UDP socket is bound to the server's address and port on this machine, by the kernel's
 * own list of them; in a pod that is the pod's. Costs the server nothing and needs no setting. A
 * port that was never bound for a while says nothing: the server may be elsewhere.
 */
public final class SocketLife implements LifeWatch {
  private static final List<Path> LISTS =
      List.of(Path.of("/proc/net/udp"), Path.of("/proc/net/udp6"));

  /** For less, a port may be somebody's who was given it by chance. */
  private static final Duration SETTLED = Duration.ofSeconds(1);

  /**
   * A look takes no longer. The list costs the square of its length: nothing to speak of for a few
   * sockets, seconds for many thousands, as on a host of Envoys. By the processor's time: on a busy
   * machine any look may take longer, and that is when a server's end matters as well.
   */
  private static final Duration LONGEST_LOOK = Duration.ofMillis(50);

  private static final ThreadMXBean PROCESSOR = ManagementFactory.getThreadMXBean();

  private static final Duration PAUSE = Duration.ofMinutes(1);

  private static final String NO_PEER = "0000";

  private final String text;
  private final Set<String> addresses;
  private final List<Path> lists;
  private final Duration settled;
  private final Duration longestLook;
  private long boundSinceNanos = Long.MAX_VALUE;
  private boolean proven;
  private long lastNanos = System.nanoTime();
  private long begunNanos;
  private long costNanos;
  private int tooLong;

  /**
   * @param address the server's IP address; one that is not this machine's is never looked for
   * @param port its UDP port
   */
  public SocketLife(String address, int port) {
    this(address, port, LISTS, SETTLED, LONGEST_LOOK);
  }

  SocketLife(String address, int port, List<Path> lists, Duration settled, Duration longestLook) {
    this.text = "UDP port " + port;
    this.addresses = isOwn(address) ? listed(address, port) : Set.of();
    this.lists = lists;
    this.settled = settled;
    this.longestLook = longestLook;
  }

  private static boolean isOwn(String address) {
    try {
      return NetworkInterface.getByInetAddress(InetAddress.getByName(address)) != null;
    } catch (SocketException | UnknownHostException e) {
      return false;
    }
  }

  /** As the kernel writes what such a server may be bound to: its own address, or any. */
  private static Set<String> listed(String address, int port) {
    String end = String.format(Locale.ROOT, ":%04X", port);
    Set<String> all = new HashSet<>();
    try {
      InetAddress own = InetAddress.getByName(address);
      String hex = hex(own.getAddress());
      all.add(hex + end);
      all.add("0".repeat(32) + end);
      if (own instanceof Inet4Address) {
        all.add("0".repeat(8) + end);
        byte[] mapped = new byte[12];
        mapped[10] = (byte) 0xff;
        mapped[11] = (byte) 0xff;
        all.add(hex(mapped) + hex + end);
      }
    } catch (UnknownHostException e) {
      return Set.of(); // not an address literal; the configuration has refused it
    }
    return all;
  }

  /** Words of four bytes, each as a number of this machine's. */
  private static String hex(byte[] address) {
    ByteBuffer words = ByteBuffer.wrap(address).order(ByteOrder.nativeOrder());
    StringBuilder text = new StringBuilder();
    while (words.hasRemaining()) {
      text.append(String.format(Locale.ROOT, "%08X", words.getInt()));
    }
    return text.toString();
  }

  @Override
  public boolean asksServer() {
    return false;
  }

  /** A machine with very many sockets has a long list: it takes a twentieth of the time at most. */
  @Override
  public boolean isDue() {
    long pause = tooLong > 1 ? PAUSE.toNanos() : 20 * costNanos;
    return !addresses.isEmpty() && System.nanoTime() - lastNanos >= pause;
  }

  @Override
  public LifeSign look() {
    lastNanos = System.nanoTime();
    begunNanos = PROCESSOR.getCurrentThreadCpuTime();
    LifeSign sign = read();
    costNanos = spentNanos();
    tooLong = costNanos > longestLook.toNanos() ? tooLong + 1 : 0;
    return sign;
  }

  private LifeSign read() {
    try {
      // The kernel gives the list piece by piece: a socket may be missing that was always there
      // while others come and go. (Seen once in ten minutes with hundreds of clients.)
      if (isListed() || (proven && isListed())) {
        boundSinceNanos = Math.min(boundSinceNanos, lastNanos);
        proven |= lastNanos - boundSinceNanos >= settled.toNanos();
        return proven
            ? new LifeSign(LifeSign.Sight.BOUND, "", text + " is bound")
            : LifeSign.UNKNOWN;
      }
      boundSinceNanos = Long.MAX_VALUE;
      return proven && lists.stream().anyMatch(Files::exists)
          ? new LifeSign(LifeSign.Sight.UNBOUND, "", "no UDP socket is bound to " + where())
          : LifeSign.UNKNOWN;
    } catch (IOException e) {
      return LifeSign.UNKNOWN; // too long, too
    }
  }

  private long spentNanos() {
    return PROCESSOR.getCurrentThreadCpuTime() - begunNanos;
  }

  private boolean isListed() throws IOException {
    for (Path list : lists) {
      if (Files.exists(list) && isBound(list)) { // without IPv6 there is one
        return true;
      }
    }
    return false;
  }

  private String where() {
    return text.substring("UDP ".length());
  }

  private boolean isBound(Path list) throws IOException {
    try (BufferedReader lines = Files.newBufferedReader(list, StandardCharsets.ISO_8859_1)) {
      int read = 0;
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        // "  123: 0100007F:1B59 00000000:0000 07 …": one that talks to one peer is no server's.
        if (read++ % 16 == 0 && spentNanos() > longestLook.toNanos()) {
          throw new IOException("too many sockets");
        }
        int from = line.indexOf(": ") + 2;
        int to = line.indexOf(' ', from);
        int peer = line.indexOf(' ', to + 1);
        if (from >= 2
            && to > from
            && peer > to
            && addresses.contains(line.substring(from, to))
            && line.substring(to + 1, peer).endsWith(":" + NO_PEER)) {
          return true;
        }
      }
    }
    return false;
  }
}
