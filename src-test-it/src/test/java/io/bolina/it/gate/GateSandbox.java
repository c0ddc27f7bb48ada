package io.bolina.it.gate;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.gate.GateRules;
import io.bolina.controlplane.gate.GateRulesReader;
import io.bolina.controlplane.resources.GateResources;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.it.Patience;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/** A control plane with rules for the gate, and packets to hold against them. */
final class GateSandbox implements AutoCloseable {
  private final Sandbox sandbox = new Sandbox();
  private final Path rules = sandbox.directory().resolve("gate.yaml");
  private final List<UdpService> services = new ArrayList<>(List.of(sandbox.service()));
  private ControlPlane plane;

  GateSandbox() throws IOException {}

  Sandbox sandbox() {
    return sandbox;
  }

  /** One more service, on another address. To be called before the control plane is started. */
  GateSandbox serving(UdpService service) {
    services.add(service);
    return this;
  }

  /** Its service is one whose datagrams are each routed. To be called first. */
  GateSandbox routingEachDatagram() {
    services.replaceAll(service -> service.withRouteEachDatagram(true));
    return this;
  }

  /** Its Envoys take merged datagrams apart, or do not. To be called first. */
  GateSandbox preferringGro(boolean gro) {
    services.replaceAll(service -> service.withPreferGro(gro));
    return this;
  }

  ControlPlane controlPlane(String yaml) throws IOException {
    Files.writeString(rules, yaml);
    plane =
        sandbox.controlPlane(
            "cp", c -> c.withServices(services).with(ControlPlaneConfig.GATE_RULES, rules));
    return plane;
  }

  /** What {@code /fleet} says. */
  JsonNode fleet() throws IOException {
    return sandbox.fleet("cp");
  }

  /** Writes other rules into the file, and waits until the Envoy "edge" has them. */
  void rules(String yaml) throws IOException {
    Map<String, GateRules> before = read(Files.readString(rules));
    Map<String, GateRules> after = read(yaml);
    List<String> changed =
        services.stream()
            .map(UdpService::name)
            .filter(name -> !Objects.equals(before.get(name), after.get(name)))
            .toList();
    changed(changed, () -> replace(yaml));
  }

  /** Writes other rules into the file, all at once, and does not wait. */
  void replace(String yaml) throws IOException {
    Path aside = rules.resolveSibling("gate.yaml.new");
    Files.writeString(aside, yaml);
    Files.move(aside, rules, StandardCopyOption.REPLACE_EXISTING);
  }

  private Map<String, GateRules> read(String yaml) {
    return GateRulesReader.read(yaml, services.stream().map(UdpService::name).toList()).rules();
  }

  /** Orders in Consul, and waits until the Envoy "edge" has it. */
  void order(String key, String value) throws IOException {
    changed(
        List.of(SERVICE),
        () -> sandbox.consul().api().put("/v1/kv/bolina/gate/" + SERVICE + "/" + key, value));
  }

  private interface RulesChange {
    void make() throws IOException;
  }

  /** Makes a change, and waits until other rules are served and the Envoy has just those. */
  private void changed(List<String> services, RulesChange change) throws IOException {
    Map<String, String> before = served();
    change.make();
    RealEnvoy envoy = sandbox.envoyNamed("edge");
    await()
        .until(
            () -> {
              Map<String, String> now = served();
              Map<String, String> inEnvoy = envoy.clusterVersions();
              return services.stream()
                  .allMatch(
                      service ->
                          !now.get(service).equals(before.get(service))
                              && now.get(service)
                                  .equals(inEnvoy.get(GateResources.clusterName(service))));
            });
  }

  /** The version of the rules that are served of each service. */
  private Map<String, String> served() throws IOException {
    Map<String, String> versions = new TreeMap<>();
    fleet()
        .path("services")
        .forEach(s -> versions.put(s.path("service").asText(), s.at("/gate/version").asText()));
    return versions;
  }

  @Override
  public void close() {
    sandbox.close();
  }

  /** A client that sends whatever a test gives it. */
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

    /** What a server answered: the packet that it got. */
    byte[] answer() throws IOException {
      return answer((int) Patience.LONG.toMillis());
    }

    /** The same; null if none comes in time. */
    private byte[] answer(int millis) throws IOException {
      DatagramPacket answer = received(millis);
      if (answer == null) {
        return null;
      }
      int blanks = 0;
      int start = 0;
      while (blanks < 2) {
        blanks += buffer[start++] == ' ' ? 1 : 0;
      }
      return Arrays.copyOfRange(buffer, start, answer.getLength());
    }

    /** Which server answers what was sent. */
    String answeredBy() throws IOException {
      DatagramPacket answer = received((int) Patience.LONG.toMillis());
      assertThat(answer).as("an answer in time").isNotNull();
      String text = new String(buffer, 0, answer.getLength(), StandardCharsets.ISO_8859_1);
      return text.substring(0, text.indexOf(' '));
    }

    /** Which server answers a packet, which is sent until one does. */
    String serverOf(byte[] packet) throws IOException {
      long until = System.nanoTime() + Patience.LONG.toNanos();
      DatagramPacket answer = null;
      while (answer == null) {
        assertThat(System.nanoTime()).as("an answer in time").isLessThan(until);
        send(packet);
        answer = received(500);
      }
      String text = new String(buffer, 0, answer.getLength(), StandardCharsets.ISO_8859_1);
      return text.substring(0, text.indexOf(' '));
    }

    private DatagramPacket received(int millis) throws IOException {
      DatagramPacket answer = new DatagramPacket(buffer, buffer.length);
      try {
        channel.socket().setSoTimeout(millis);
        channel.socket().receive(answer);
        return answer;
      } catch (SocketTimeoutException e) {
        return null;
      }
    }

    /** The packet passes: it is answered. */
    void passes(byte[] packet) throws IOException {
      send(packet);
      assertThat(answer()).as("answer to %s", Arrays.toString(packet)).isEqualTo(packet);
    }

    /** The packet is rejected, which the rule's counter of that Envoy says. */
    void rejectedBy(String rule, RealEnvoy envoy, byte[] packet) throws IOException {
      counts("rejected_" + rule, envoy, packet);
      // That Envoy has dropped it is certain by now; this only finds one that it dropped and sent
      // on.
      assertThat(answer(20)).as("answer to %s", Arrays.toString(packet)).isNull();
    }

    /** The packet passes, and is counted as one that would be rejected. */
    void passesButCounts(String rule, RealEnvoy envoy, byte[] packet) throws IOException {
      counts("would_reject_" + rule, envoy, packet);
      assertThat(answer()).isEqualTo(packet);
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
