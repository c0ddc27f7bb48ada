package io.bolina.it.gate;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.it.gate.GateSandbox.Sender;
import io.bolina.sandbox.envoy.RealEnvoy;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * A million packets through a real Envoy, most of them a little wrong: none that is malformed
 * reaches a server, and none that is well-formed is lost.
 */
class GateFuzzIT {
  private static final int PACKETS = 1_000_000;

  /** Few enough to fit into a socket's buffer, so that whatever is lost was lost by the gate. */
  private static final int BATCH = 64;

  private final long seed = new Random().nextLong();
  private final SplittableRandom random = new SplittableRandom(seed);

  @Test
  void a_million_packets() throws Exception {
    try (GateSandbox gate = new GateSandbox()) {
      gate.sandbox().servers("b-1", "b-2", "b-3");
      gate.controlPlane(
          """
          bolina:
            size: {min: 6, max: 300}
            patterns:
            - {name: magic, offset: 0, bytes: "b0 11"}
            - {name: version, offset: 2, bytes: ["10", "20"], mask: "f0"}
            lengths:
            - {name: body, offset: 4, width: 2, plus: 6}
          """);
      RealEnvoy envoy = gate.sandbox().envoyWithGate("edge");
      List<Sender> senders = new ArrayList<>();
      for (int i = 1; i <= 8; i++) {
        senders.add(gate.sender("127.0.5." + i));
      }
      long malformed = 0;
      long resident = 0;
      for (int sent = 0; sent < PACKETS; sent += BATCH) {
        malformed += batch(senders.get(sent / BATCH % senders.size()));
        if (sent < PACKETS / 5) {
          resident = residentKilobytes(envoy);
        }
      }
      long rejected =
          envoy.stats("bolina_gate\\." + SERVICE + "\\.rejected_.*").values().stream()
              .mapToLong(n -> n)
              .sum();
      assertThat(rejected).as("rejected by Envoy's counters, seed %d", seed).isEqualTo(malformed);
      assertThat(envoy.isAlive()).isTrue();
      assertThat(envoy.gate(SERVICE, "faults")).isZero();
      assertThat(residentKilobytes(envoy) - resident)
          .as("kilobytes that Envoy grew by in the last 800,000 packets")
          .isLessThan(4_096);
      assertThat(envoy.sessions(SERVICE)).isEqualTo(senders.size());
    }
  }

  /** Sends a batch, takes the answers, and returns how many of it were malformed. */
  private int batch(Sender sender) throws IOException {
    List<byte[]> expected = new ArrayList<>();
    for (int i = 0; i < BATCH; i++) {
      // Once the last one is answered, so is everything before it.
      byte[] packet = i == BATCH - 1 ? wellFormed() : any();
      if (isWellFormed(packet)) {
        expected.add(packet);
      }
      sender.send(packet);
    }
    for (byte[] packet : expected) {
      byte[] answer = sender.answer();
      if (!Arrays.equals(answer, packet)) { // a million of AssertJ's take long
        assertThat(answer).as("the answer, seed %d", seed).isEqualTo(packet);
      }
    }
    return BATCH - expected.size();
  }

  private byte[] wellFormed() {
    int body = random.nextInt(random.nextInt(10) == 0 ? 295 : 20);
    byte[] packet = new byte[6 + body];
    random.nextBytes(packet);
    packet[0] = (byte) 0xb0;
    packet[1] = 0x11;
    packet[2] = (byte) ((1 + random.nextInt(2)) << 4 | random.nextInt(16));
    packet[4] = (byte) (body >> 8);
    packet[5] = (byte) body;
    return packet;
  }

  /**
   * One in some twenty is well-formed, and the others miss it by little. None is empty: Envoy drops
   * those before any filter sees them.
   */
  private byte[] any() {
    byte[] packet = wellFormed();
    int wrong = random.nextInt(8);
    if (wrong == 0) {
      packet = new byte[1 + random.nextInt(400)];
      random.nextBytes(packet);
    } else if (wrong <= 2) {
      packet = Arrays.copyOf(packet, 1 + random.nextInt(packet.length + 8));
    } else if (wrong <= 6) {
      for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
        packet[random.nextInt(6)] ^= (byte) (1 << random.nextInt(8));
      }
    } else {
      packet[random.nextInt(packet.length)] = (byte) random.nextInt();
    }
    return packet;
  }

  /** What the rules above say, in other words. */
  private static boolean isWellFormed(byte[] p) {
    return p.length >= 6
        && p.length <= 300
        && p[0] == (byte) 0xb0
        && p[1] == 0x11
        && ((p[2] & 0xf0) == 0x10 || (p[2] & 0xf0) == 0x20)
        && ((p[4] & 0xff) << 8 | (p[5] & 0xff)) == p.length - 6;
  }

  private static long residentKilobytes(RealEnvoy envoy) throws IOException {
    return Files.readAllLines(Path.of("/proc/" + envoy.pid() + "/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
