package io.bolina.sandbox.server;

import io.bolina.registry.ServerToken;
import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Stands in for a Bolina Server: answers every datagram with its own id, the number of datagrams it
 * has had on that connection, and the datagram itself. A connection is what comes from one address
 * and port, so a client can tell from the answer whether it still has the connection it had.
 *
 * <p>It answers {@code token?} with its token (docs/tokens.md) in place of the datagram.
 */
public final class StandInServer implements AutoCloseable {
  private static final Duration LIVE = Duration.ofSeconds(30);

  private static final int LARGEST_DATAGRAM = 65_535;
  private static final Logger log = LoggerFactory.getLogger(StandInServer.class);

  /** A datagram that asks for the token, by which its sender then can name this server. */
  private static final byte[] ASKS_FOR_TOKEN = "token?".getBytes(StandardCharsets.UTF_8);

  private final String id;
  private final Duration live;
  private final DatagramChannel channel;
  private final InetSocketAddress address;
  private final Map<SocketAddress, Connection> connections = new ConcurrentHashMap<>();
  private volatile String token;

  private static final class Connection {
    private volatile long datagrams;
    private volatile long lastNanos;
  }

  /**
   * Starts a server.
   *
   * @param id its name in its answers
   * @param listen where; port 0 lets the system choose
   * @throws IOException if the address cannot be listened on
   */
  public static StandInServer start(String id, InetSocketAddress listen) throws IOException {
    return start(id, listen, LIVE);
  }

  /**
   * The same.
   *
   * @param live a connection without a datagram for this long is no longer counted as live
   */
  public static StandInServer start(String id, InetSocketAddress listen, Duration live)
      throws IOException {
    DatagramChannel channel = DatagramChannel.open();
    try {
      channel.setOption(StandardSocketOptions.SO_RCVBUF, 4 << 20);
      channel.bind(listen);
    } catch (IOException e) {
      channel.close();
      throw new IOException("cannot listen on " + listen + " (UDP): " + FailureReason.of(e), e);
    }
    return new StandInServer(id, channel, live);
  }

  private StandInServer(String id, DatagramChannel channel, Duration live) throws IOException {
    this.id = id;
    this.token = ServerToken.derivedFrom(id);
    this.live = live;
    this.channel = channel;
    this.address = (InetSocketAddress) channel.getLocalAddress();
    Thread thread = new Thread(this::serve, "server-" + id);
    thread.setDaemon(true);
    thread.start();
  }

  public String id() {
    return id;
  }

  /** By which it can be named, in hexadecimal; at first the one derived from its id. */
  public String token() {
    return token;
  }

  /** It was told another. */
  public void setToken(String newToken) {
    token = newToken;
  }

  public InetSocketAddress address() {
    return address;
  }

  /** Live connections: those that had a datagram in the last 30 s, or in the time given. */
  public long sessions() {
    long since = System.nanoTime() - live.toNanos();
    return connections.values().stream().filter(c -> c.lastNanos - since > 0).count();
  }

  /** Connections since the start. */
  public long connectionsEver() {
    return connections.size();
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      log.atDebug().addKeyValue("server", id).setCause(e).log("closing socket failed");
    }
  }

  private void serve() {
    ByteBuffer datagram = ByteBuffer.allocate(LARGEST_DATAGRAM);
    ByteBuffer out = ByteBuffer.allocate(LARGEST_DATAGRAM);
    while (channel.isOpen()) {
      try {
        SocketAddress peer = channel.receive(datagram.clear());
        ByteBuffer content = contentFor(datagram.flip());
        out.clear().put(answerTo(peer));
        out.put(content.limit(Math.min(content.limit(), out.remaining()))).flip();
        channel.send(out, peer);
      } catch (AsynchronousCloseException e) {
        return; // closed
      } catch (IOException e) {
        log.atDebug().addKeyValue("server", id).setCause(e).log("cannot answer datagram");
      }
    }
  }

  private ByteBuffer contentFor(ByteBuffer datagram) {
    int length = ASKS_FOR_TOKEN.length;
    boolean asked =
        datagram.remaining() >= length
            && datagram.slice(0, length).equals(ByteBuffer.wrap(ASKS_FOR_TOKEN));
    return asked
        ? ByteBuffer.wrap(("token=" + token + "\n").getBytes(StandardCharsets.UTF_8))
        : datagram;
  }

  private byte[] answerTo(SocketAddress peer) {
    Connection connection = connections.computeIfAbsent(peer, p -> new Connection());
    connection.lastNanos = System.nanoTime();
    // Only this thread counts.
    long datagrams = connection.datagrams + 1;
    connection.datagrams = datagrams;
    return (id + " " + datagrams + " ").getBytes(StandardCharsets.UTF_8);
  }
}
