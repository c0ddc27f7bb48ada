package io.bolina.agent.probe;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether the server's port refuses a datagram (ICMP "port unreachable"). An answer that does not
 * come says nothing. One socket asks all the time, so that the server has one more session by it at
 * most.
 */
final class PortLife implements LifeWatch {
  /** A machine says at once that nothing listens; a server may take longer to answer. */
  private static final Duration PATIENCE = Duration.ofMillis(50);

  private static final Logger log = LoggerFactory.getLogger(PortLife.class);

  private final InetSocketAddress server;
  private final byte[] question;
  private final String expected;
  private final ByteBuffer answer = ByteBuffer.allocate(65_535);
  private DatagramChannel channel;
  private Selector selector;

  PortLife(InetSocketAddress server, String payload, String expected) {
    this.server = server;
    this.question = payload.getBytes(StandardCharsets.UTF_8);
    this.expected = expected;
  }

  @Override
  public boolean asksServer() {
    return true;
  }

  @Override
  public LifeSign look() {
    try {
      open();
      forgetWhatIsOver();
      channel.write(ByteBuffer.wrap(question));
      selector.select(PATIENCE.toMillis());
      selector.selectedKeys().clear();
      answer.clear();
      if (channel.read(answer) <= 0) {
        return LifeSign.UNKNOWN;
      }
      String text = new String(answer.array(), 0, answer.position(), StandardCharsets.ISO_8859_1);
      return text.contains(expected)
          ? new LifeSign(LifeSign.Sight.ANSWERING, "", "UDP " + where() + " answers")
          : LifeSign.UNKNOWN;
    } catch (PortUnreachableException e) {
      return new LifeSign(
          LifeSign.Sight.REFUSED, "", "connection refused: nothing listens on UDP " + where());
    } catch (IOException e) {
      log.debug("cannot ask the server", e);
      close();
      return LifeSign.UNKNOWN;
    }
  }

  private void open() throws IOException {
    if (channel != null) {
      return;
    }
    selector = Selector.open();
    channel = DatagramChannel.open();
    channel.configureBlocking(false);
    channel.connect(server);
    channel.register(selector, SelectionKey.OP_READ);
  }

  /** Late answers, and a refusal that is about an earlier question. */
  private void forgetWhatIsOver() throws IOException {
    for (int i = 0; i < 100; i++) {
      try {
        answer.clear();
        if (channel.read(answer) <= 0) {
          return;
        }
      } catch (PortUnreachableException e) {
        log.trace("of an earlier question", e);
      }
    }
  }

  @Override
  public void close() {
    try (Selector s = selector;
        DatagramChannel c = channel) {
      log.trace("closing {} {}", s, c);
    } catch (IOException e) {
      log.debug("cannot close", e);
    }
    selector = null;
    channel = null;
  }

  private String where() {
    String host = server.getHostString();
    return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + server.getPort();
  }
}
