package io.bolina.sandbox.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/** One client with a source address of its own, and what became of its connection. */
public final class SimulatedClient {
  private final int number;
  private final InetSocketAddress front;
  private final List<Break> breaks = new ArrayList<>();
  private final List<Loss> losses = new ArrayList<>();
  private long sent;
  private long answered;
  private long newestAnswer;
  private long newestAnswerNanos = System.nanoTime();
  private long datagramsOnConnection;
  private String server;
  private Function<String, String> token = id -> "";
  private InetAddress source;
  private volatile DatagramChannel channel;

  /**
   * A connection that did not last: the client was moved to another server, or its own server took
   * it for a new client.
   *
   * @param from the server it was on
   * @param to the server that answers it now, possibly the same
   * @param sinceNanos when the connection's last answer came, by {@link System#nanoTime}
   * @param atNanos when the first answer after it came
   */
  public record Break(int client, String from, String to, long sinceNanos, long atNanos) {
    public boolean moved() {
      return !from.equals(to);
    }
  }

  /**
   * Datagrams that were not answered although a later one was.
   *
   * @param server the server that it was on; empty if none had answered yet
   * @param sinceNanos when the last answer before them came, by {@link System#nanoTime}
   * @param atNanos when the first answer after them came
   */
  public record Loss(int client, String server, long datagrams, long sinceNanos, long atNanos) {}

  SimulatedClient(int number, InetAddress source, InetSocketAddress front) throws IOException {
    this.number = number;
    this.front = front;
    this.source = source;
    this.channel = open(source, front);
  }

  private static DatagramChannel open(InetAddress source, InetSocketAddress front)
      throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    channel.bind(new InetSocketAddress(source, 0));
    channel.connect(front);
    channel.configureBlocking(false);
    return channel;
  }

  public int number() {
    return number;
  }

  public synchronized InetAddress source() {
    return source;
  }

  /** The server that last answered. */
  public synchronized Optional<String> server() {
    return Optional.ofNullable(server);
  }

  /** Every break of its connection so far. */
  public synchronized List<Break> breaks() {
    return List.copyOf(breaks);
  }

  /** Datagrams that were not answered although later ones were. */
  public synchronized List<Loss> losses() {
    return List.copyOf(losses);
  }

  /** Datagrams since the newest that was answered. */
  public synchronized long outstanding() {
    return sent - newestAnswer;
  }

  /** When the newest answer came, or when it was made; by {@link System#nanoTime}. */
  public synchronized long newestAnswerNanos() {
    return newestAnswerNanos;
  }

  /** Datagrams sent and answers had. */
  public synchronized long sent() {
    return sent;
  }

  public synchronized long answered() {
    return answered;
  }

  /** Whether the datagram with a sequence number, or a later one, was answered. */
  synchronized boolean hasAnswerTo(long sequence) {
    return newestAnswer >= sequence;
  }

  /** Sends one datagram and returns its sequence number. */
  public synchronized long send() throws IOException {
    sent++;
    String end = server == null ? "" : token.apply(server);
    channel.write(
        ByteBuffer.wrap(
            ("bolina " + number + " " + sent + (end.isEmpty() ? "" : " " + end))
                .getBytes(StandardCharsets.UTF_8)));
    return sent;
  }

  /**
   * From now on its datagrams end with the token of the server that last answered.
   *
   * @param newToken of a server's id
   */
  synchronized void nameServer(Function<String, String> newToken) {
    token = newToken;
  }

  /** Goes on from another address and port; what is on its way to the old ones is lost. */
  synchronized void roam(InetAddress newSource) throws IOException {
    DatagramChannel before = channel;
    channel = open(newSource, front);
    source = newSource;
    before.close();
  }

  DatagramChannel channel() {
    return channel;
  }

  /** Takes an answer: server id, datagrams on the connection, then the datagram that was sent. */
  synchronized void receive(String answer) {
    String[] words = answer.split(" ", 6);
    long sequence = Long.parseLong(words[4]);
    answered++;
    if (sequence <= newestAnswer) {
      return; // overtaken
    }
    long now = System.nanoTime();
    if (sequence > newestAnswer + 1) {
      losses.add(
          new Loss(
              number,
              server == null ? "" : server,
              sequence - newestAnswer - 1,
              newestAnswerNanos,
              now));
    }
    newestAnswer = sequence;
    long datagrams = Long.parseLong(words[1]);
    boolean sameConnection =
        server == null || (server.equals(words[0]) && datagrams > datagramsOnConnection);
    if (!sameConnection) {
      breaks.add(new Break(number, server, words[0], newestAnswerNanos, now));
    }
    newestAnswerNanos = now;
    server = words[0];
    datagramsOnConnection = datagrams;
  }
}
