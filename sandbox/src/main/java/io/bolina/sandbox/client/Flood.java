package io.bolina.sandbox.client;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A flood of junk: datagrams that no client would send, from many loopback addresses (127.9.0.1 and
 * so on).
 */
public final class Flood implements AutoCloseable {
  /** As many as fit into a socket's buffer while Envoy is busy elsewhere for a millisecond. */
  private static final int PER_MILLISECOND = 25;

  private final SplittableRandom random = new SplittableRandom(1);
  private final List<DatagramChannel> sources = new ArrayList<>();

  public Flood(InetSocketAddress front, int manySources) throws IOException {
    for (int i = 0; i < manySources; i++) {
      DatagramChannel channel = DatagramChannel.open();
      sources.add(channel);
      byte[] address = {127, 9, (byte) (i / 250), (byte) (1 + i % 250)};
      channel.bind(new InetSocketAddress(InetAddress.getByAddress(address), 0));
      channel.connect(front);
    }
  }

  /** Sends junk: noise, a wrong prefix, clients' datagrams truncated or padded. */
  public void send(int count) throws IOException, InterruptedException {
    for (int i = 0; i < count; i++) {
      sources.get(i % sources.size()).write(ByteBuffer.wrap(junk(i)));
      if (i % PER_MILLISECOND == 0) {
        Thread.sleep(1);
      }
    }
  }

  private byte[] junk(int number) {
    return switch (number % 4) {
      case 0 -> {
        byte[] noise = new byte[20 + random.nextInt(30)];
        random.nextBytes(noise);
        noise[0] = 0;
        yield noise;
      }
      case 1 -> text("BOLINA " + number + " 1");
      case 2 -> text("bolina");
      default -> text("bolina " + "9".repeat(600));
    };
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void close() throws IOException {
    for (DatagramChannel channel : sources) {
      channel.close();
    }
  }
}
