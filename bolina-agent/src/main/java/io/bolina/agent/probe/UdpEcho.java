package io.bolina.agent.probe;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * Sends the server a datagram and waits for an answer.
 *
 * @param server where
 * @param payload what is sent
 * @param expected what the answer must contain; empty for any answer
 * @param patience how long an answer may take
 */
public record UdpEcho(InetSocketAddress server, String payload, String expected, Duration patience)
    implements Probe {

  @Override
  public Finding look() {
    byte[] question = payload.getBytes(StandardCharsets.UTF_8);
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(server);
      socket.setSoTimeout((int) patience.toMillis());
      socket.send(new DatagramPacket(question, question.length));
      DatagramPacket answer = new DatagramPacket(new byte[65_535], 65_535);
      socket.receive(answer);
      String text =
          new String(answer.getData(), 0, answer.getLength(), StandardCharsets.ISO_8859_1);
      return text.contains(expected)
          ? Finding.WELL
          : Finding.ill("its answer to a probe does not contain '" + expected + "'");
    } catch (SocketTimeoutException e) {
      return Finding.ill("no answer to a UDP probe within " + patience.toMillis() + " ms");
    } catch (IOException e) {
      return Finding.ill("a UDP probe failed: " + e.getMessage());
    }
  }
}
