package io.bolina.it.gate;

import static io.bolina.it.gate.GateSandbox.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.resources.UdpService;
import io.bolina.it.gate.GateSandbox.Sender;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.FreePort;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** One service on {@code [::]}: IPv4 and IPv6 clients, and the gate's view of both. */
class BothFamiliesIT {
  private static final byte[] HELLO = bytes("hello");

  /** The server that answers a client with this source address. */
  private static String server(String source, HostPort front) {
    return await()
        .ignoreExceptions()
        .until(
            () -> {
              try (DatagramSocket socket = new DatagramSocket(0, InetAddress.getByName(source))) {
                socket.setSoTimeout(500);
                socket.connect(front.socketAddress());
                socket.send(new DatagramPacket(HELLO, HELLO.length));
                DatagramPacket answer = new DatagramPacket(new byte[200], 200);
                socket.receive(answer);
                return new String(answer.getData(), 0, answer.getLength(), StandardCharsets.UTF_8)
                    .split(" ", 2)[0];
              }
            },
            server -> !server.isEmpty());
  }

  private static void rejected(RealEnvoy envoy, String rule, Sender client) throws IOException {
    long before = envoy.gate("both", "rejected_" + rule);
    client.send(HELLO);
    await().until(() -> envoy.gate("both", "rejected_" + rule) == before + 1);
  }

  @Test
  void a_front_on_all_addresses_takes_both_families_and_the_gate_sees_ipv4_as_ipv4()
      throws Exception {
    UdpService both = new UdpService("both", "::", FreePort.udp());
    try (GateSandbox gate = new GateSandbox().serving(both)) {
      Sandbox sandbox = gate.sandbox();
      sandbox.servers("b-1", "b-2", "b-3", "b-4");
      for (String id : new String[] {"b-1", "b-2", "b-3", "b-4"}) {
        sandbox
            .consul()
            .api()
            .register("both", id + "-both", "127.0.0.1", sandbox.running(id).address().getPort());
      }
      gate.controlPlane("both: {}\n");
      RealEnvoy envoy = sandbox.envoyWithGate("edge");
      await().until(() -> envoy.stat("listener_manager.total_listeners_active") >= 2);
      HostPort four = new HostPort("127.0.0.1", both.listenPort());
      HostPort six = new HostPort("::1", both.listenPort());

      for (int i = 1; i <= 12; i++) {
        String source = "127.0.3." + i;
        assertThat(server(source, four))
            .as("server of %s by [::] and by an IPv4 listener", source)
            .isEqualTo(server(source, sandbox.front()));
      }
      assertThat(server("::1", six)).startsWith("b-");

      gate.rules("both: {deny: [127.0.1.8/30]}\n");
      try (Sender inside = new Sender("127.0.1.9", four.socketAddress());
          Sender outside = new Sender("127.0.1.12", four.socketAddress());
          Sender v6 = new Sender("::1", six.socketAddress())) {
        rejected(envoy, "denied", inside);
        outside.passes(HELLO);
        v6.passes(HELLO);
        gate.rules("both: {deny: ['::/0']}\n");
        rejected(envoy, "denied", v6);
        inside.passes(HELLO);
      }

      // An allowance for each IPv4 address, not one for all that are mapped into one IPv6 network.
      gate.rules("both: {source-packets: 0.001/m burst 2}\n");
      try (Sender one = new Sender("127.0.4.1", four.socketAddress());
          Sender another = new Sender("127.0.4.2", four.socketAddress())) {
        one.passes(HELLO);
        one.passes(HELLO);
        rejected(envoy, "source_packets", one);
        another.passes(HELLO);
      }
      assertThat(envoy.log()).contains("denied: 127.0.1.9:").doesNotContain("::ffff:");
    }
  }
}
