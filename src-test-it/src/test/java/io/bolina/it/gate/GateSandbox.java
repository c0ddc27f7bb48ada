package io.bolina.it.gate;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A control plane with rules for the gate, and packets to hold against them. */
final class GateSandbox implements AutoCloseable {
  private final Sandbox sandbox = new Sandbox();
  private final Path rules = sandbox.directory().resolve("gate.yaml");
  private final List<UdpService> services = new ArrayList<>(List.of(sandbox.service()));
  private ControlPlane plane;
  private AdminPages admin;

  GateSandbox() throws IOException {}

  Sandbox sandbox() {
    return sandbox;
  }

  /** One more service, on another address. To be called before the control plane is started. */
  GateSandbox serving(UdpService service) {
    services.add(service);
    return this;
  }

  ControlPlane controlPlane(String yaml) throws IOException {
    Files.writeString(rules, yaml);
    plane = sandbox.controlPlane("cp", c -> c.withServices(services).withGateRules(rules));
    admin = new AdminPages(plane.admin());
    return plane;
  }

  /** What {@code /fleet} says. */
  JsonNode fleet() throws IOException {
    return admin.json("/fleet");
  }

  /** Writes other rules into the file, and waits until the one Envoy has them. */
  void rules(String yaml) throws IOException {
    changed(
        () -> {
          Path aside = rules.resolveSibling("gate.yaml.new");
          Files.writeString(aside, yaml);
          Files.move(aside, rules, StandardCopyOption.REPLACE_EXISTING);
        });
  }

  /** Orders in Consul, and waits until the one Envoy has it. */
  void order(String key, String value) throws IOException {
    changed(() -> sandbox.consul().api().put("/v1/kv/bolina/gate/" + SERVICE + "/" + key, value));
  }

  interface Change {
    void make() throws IOException;
  }

  void changed(Change change) throws IOException {
    String before = version();
    change.make();
    await()
        // Rules of several services may go out one after the other.
        .during(Duration.ofMillis(150))
        .until(
            () -> {
              JsonNode cds = fleet().at("/envoys/0/types/CDS");
              return !version().equals(before)
                  && cds.path("sent").equals(cds.path("acknowledged"))
                  && !cds.path("rejected").isObject();
            });
  }

  private String version() throws IOException {
    JsonNode fleet = fleet();
    List<String> versions = new ArrayList<>();
    fleet.path("services").forEach(s -> versions.add(s.at("/gate/version").asText()));
    return versions + fleet.at("/envoys/0/types/CDS/acknowledged").asText();
  }

  @Override
  public void close() {
    sandbox.close();
  }

  /** A client that sends whatever it is told to. */
  Sender sender(String source) throws IOException {
    return sandbox.closed(new Sender(source, sandbox.front().socketAddress()));
  }

  /** One socket. */
  static final class Sender implements AutoCloseable {
    private final DatagramChannel channel = DatagramChannel.open();
    private final ByteBuffer outgoing = ByteBuffer.allocateDirect(65_535);
    private final byte[] buffer = new byte[65_535];

    Sender(String source, InetSocketAddress front) throws IOException {
      channel.bind(new InetSocketAddress(InetAddress.getByName(source), 0));
      channel.connect(front);
    }

    void send(byte[] packet) throws IOException {
      outgoing.clear().put(packet).flip();
      channel.write(outgoing);
    }

    /** What a server answered: the packet that it got; null if none comes in time. */
    byte[] answer(int millis) throws IOException {
      DatagramPacket answer = new DatagramPacket(buffer, buffer.length);
      try {
        channel.socket().setSoTimeout(millis);
        channel.socket().receive(answer);
      } catch (SocketTimeoutException e) {
        return null;
      }
      int blanks = 0;
      int start = 0;
      while (blanks < 2) {
        blanks += buffer[start++] == ' ' ? 1 : 0;
      }
      return Arrays.copyOfRange(buffer, start, answer.getLength());
    }

    /** The packet passes: it is answered. */
    void passes(byte[] packet) throws IOException {
      send(packet);
      assertThat(answer(10_000)).as("answer to %s", Arrays.toString(packet)).isEqualTo(packet);
    }

    /** The packet is rejected, which the rule's counter of that Envoy says. */
    void rejectedBy(String rule, RealEnvoy envoy, byte[] packet) throws IOException {
      counts("rejected_" + rule, envoy, packet);
      assertThat(answer(20)).as("answer to %s", Arrays.toString(packet)).isNull();
    }

    /** The packet passes, and is counted as one that would be rejected. */
    void passesButCounts(String rule, RealEnvoy envoy, byte[] packet) throws IOException {
      counts("would_reject_" + rule, envoy, packet);
      assertThat(answer(10_000)).isEqualTo(packet);
    }

    private void counts(String counter, RealEnvoy envoy, byte[] packet) throws IOException {
      long before = envoy.gate(SERVICE, counter);
      send(packet);
      await().until(() -> envoy.gate(SERVICE, counter) == before + 1);
    }

    @Override
    public void close() throws IOException {
      channel.close();
    }
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** A packet of the size, that begins with some bytes. */
  static byte[] packet(int size, int... beginning) {
    byte[] packet = new byte[size];
    for (int i = 0; i < beginning.length; i++) {
      packet[i] = (byte) beginning[i];
    }
    return packet;
  }
}
