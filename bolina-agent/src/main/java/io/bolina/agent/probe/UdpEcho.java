package io.bolina.agent.probe;

import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/**
 * Sends the server a datagram and waits for an answer.
 *
 * @param server where
 * @param payload what is sent
 * @param expected what the answer must contain; empty for any answer
 * @param timeout how long an answer may take
 */
public record UdpEcho(InetSocketAddress server, String payload, String expected, Duration timeout)
    implements Probe {

  @Override
  public ProbeResult run() {
    byte[] question = payload.getBytes(StandardCharsets.UTF_8);
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(server);
      socket.setSoTimeout((int) timeout.toMillis());
      socket.send(new DatagramPacket(question, question.length));
      DatagramPacket answer = new DatagramPacket(new byte[65_535], 65_535);
      socket.receive(answer);
      String text =
          new String(answer.getData(), 0, answer.getLength(), StandardCharsets.ISO_8859_1);
      return text.contains(expected)
          ? ProbeResult.HEALTHY
          : failed("the answer does not contain '" + expected + "'");
    } catch (SocketTimeoutException e) {
      return failed("no answer from " + where() + " within " + timeout.toMillis() + " ms");
    } catch (PortUnreachableException e) {
      return failed("connection refused: nothing listens on UDP " + where());
    } catch (IOException e) {
      return failed("cannot ask " + where() + ": " + FailureReason.of(e));
    }
  }

  @Override
  public Optional<LifeWatch> lifeWatch() {
    return Optional.of(new PortLife(server, payload, expected));
  }

  private String where() {
    String host = server.getHostString();
    return (host.indexOf(':') < 0 ? host : "[" + host + "]") + ":" + server.getPort();
  }

  private static ProbeResult failed(String why) {
    return ProbeResult.unhealthy("UDP probe failed: " + why);
  }
}
