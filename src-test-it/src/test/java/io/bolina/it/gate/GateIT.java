package io.bolina.it.gate;

import static io.bolina.it.gate.GateSandbox.bytes;
import static io.bolina.it.gate.GateSandbox.packet;
import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.it.Crowd;
import io.bolina.it.gate.GateSandbox.Sender;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.FreePort;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The rules of the gate, and how they change, in a real Envoy. */
class GateIT {
  @Test
  void each_rule_just_inside_and_just_outside() throws Exception {
    UdpService six = new UdpService("six", "::1", FreePort.udp());
    try (GateSandbox gate = new GateSandbox().serving(six)) {
      Sandbox sandbox = gate.sandbox();
      sandbox.servers("b-1", "b-2");
      var other = sandbox.closed(Sandbox.startServer("six-1"));
      sandbox.consul().api().register("six", "six-1", "127.0.0.1", other.address().getPort());
      gate.controlPlane(
          """
          bolina:
            size: {min: 4, max: 40}
            first-size: 10
            patterns:
            - {name: magic, offset: 0, bytes: "b0 11"}
            - {name: version, offset: 2, bytes: ["10", "20"], mask: "f0"}
            lengths:
            - {name: body, offset: 3, width: 1, plus: 4}
            deny: [127.0.1.8/30]
          six:
            deny: ["::1"]
          """);
      RealEnvoy envoy = sandbox.envoyWithGate("edge");
      Sender client = gate.sender("127.0.1.1");
      client.rejectedBy("size", envoy, packet(3, 0xb0, 0x11, 0x10));
      client.rejectedBy("size", envoy, packet(41, 0xb0, 0x11, 0x10, 37));
      client.rejectedBy("pattern", envoy, packet(12, 0xb1, 0x11, 0x10, 8));
      client.rejectedBy("pattern", envoy, packet(12, 0xb0, 0x11, 0x30, 8));
      client.rejectedBy("length", envoy, packet(12, 0xb0, 0x11, 0x10, 7));
      client.rejectedBy("length", envoy, packet(12, 0xb0, 0x11, 0x10, 9));
      client.rejectedBy("first_size", envoy, packet(9, 0xb0, 0x11, 0x10, 5));
      client.passes(packet(10, 0xb0, 0x11, 0x1f, 6));
      client.passes(packet(4, 0xb0, 0x11, 0x20, 0));
      client.passes(packet(40, 0xb0, 0x11, 0x10, 36));
      byte[] good = packet(12, 0xb0, 0x11, 0x10, 8);
      for (String inside : new String[] {"127.0.1.8", "127.0.1.11"}) {
        gate.sender(inside).rejectedBy("denied", envoy, good);
      }
      for (String outside : new String[] {"127.0.1.7", "127.0.1.12"}) {
        gate.sender(outside).passes(good);
      }
      try (Sender overSix =
          new Sender("::1", new HostPort("::1", six.listenPort()).socketAddress())) {
        overSix.send(good);
        await().until(() -> envoy.gate("six", "rejected_denied") == 1);
        gate.rules("bolina: {}\n");
        overSix.passes(good);
      }
      assertThat(other.connectionsEver()).as("of six, whose rules are gone").isEqualTo(1);
      client.passes(packet(1));

      gate.rules(
          """
          bolina:
            allow: [127.0.2.0/24]
            source-packets: 1/m burst 5
          """);
      gate.sender("127.0.1.255").rejectedBy("not_allowed", envoy, good);
      gate.sender("127.0.3.0").rejectedBy("not_allowed", envoy, good);
      Sender first = gate.sender("127.0.2.0");
      Sender second = gate.sender("127.0.2.0");
      for (int i = 0; i < 5; i++) {
        (i % 2 == 0 ? first : second).passes(good);
      }
      second.rejectedBy("source_packets", envoy, good);
      first.rejectedBy("source_packets", envoy, good);
      gate.sender("127.0.2.255").passes(good);

      gate.rules(
          """
          bolina:
            source-sessions: 1/m burst 2
            sessions: 1/m burst 3
            known-for: 1h
          """);
      Sender known = gate.sender("127.0.4.1");
      known.passes(good);
      gate.sender("127.0.4.1").passes(good);
      gate.sender("127.0.4.1").rejectedBy("source_sessions", envoy, good);
      gate.sender("127.0.4.2").passes(good);
      gate.sender("127.0.4.3").rejectedBy("sessions", envoy, good);
      known.passes(good);

      gate.rules(
          """
          bolina:
            mode: shadow
            size: {max: 5}
            known-for: 1h
          """);
      known.passesButCounts("size", envoy, packet(6));
      known.passes(packet(5));
      gate.rules(
          """
          bolina:
            size: {max: 5}
            patterns: [{name: word, text: ab}]
            shadow: [pattern]
            known-for: 1h
            log-every: 1s
          """);
      known.rejectedBy("size", envoy, packet(6));
      known.passesButCounts("pattern", envoy, bytes("ac"));
      assertThat(envoy.log())
          .contains("rejected by pattern 'magic': 127.0.1.1:")
          .contains("12 bytes beginning b1111008")
          .contains("would be rejected by pattern 'word'");
      assertThat(envoy.gate(SERVICE, "faults") + envoy.gate(SERVICE, "no_rules")).isZero();
    }
  }

  @Test
  void rules_and_orders_change_and_no_session_breaks() throws Exception {
    try (GateSandbox gate = new GateSandbox()) {
      Sandbox sandbox = gate.sandbox();
      sandbox.servers("b-1", "b-2", "b-3", "b-4");
      gate.controlPlane("bolina: {mode: shadow, first-size: 200}\n");
      RealEnvoy envoy = sandbox.envoyWithGate("edge");
      Crowd crowd = new Crowd(sandbox);
      crowd.arriveOn(200, "b-1", "b-2", "b-3", "b-4");
      crowd.clients().keepTalking(Duration.ofMillis(100));
      for (String rules :
          List.of(
              "{patterns: [{name: word, text: 'bolina '}], size: {max: 100}}",
              "{known: 100000, sources: 1000, source-packets: 1000/s}",
              "{first-size: 200, sessions: 1/m, source-sessions: 1/m, known: 50000}")) {
        gate.rules("bolina: " + rules + "\n");
      }
      gate.order("deny/attack", "127.9.0.0/16 # junk\n127.8.0.1, nonsense, 0.0.0.0/0");
      gate.sender("127.9.1.1").rejectedBy("ordered", envoy, packet(250));
      gate.sender("127.8.0.1").rejectedBy("ordered", envoy, packet(250));
      gate.sender("127.8.0.2").passes(packet(250));
      gate.order("shields", "up");
      gate.sender("127.8.0.3").rejectedBy("shields", envoy, packet(250));
      assertThat(gate.fleet().at("/services/0/gate/shieldsUp").asBoolean()).isTrue();
      assertThat(gate.fleet().at("/services/0/gate/deniedByOrder").toString())
          .isEqualTo("[\"127.8.0.1/32\",\"127.9.0.0/16\"]");

      // Consul is gone and the control plane restarts: the orders hold, and Envoy is sent nothing.
      await()
          .until(
              () ->
                  Files.readString(sandbox.directory().resolve("state-cp/fleets.json"))
                      .contains("\"shieldsUp\":true"));
      sandbox.consul().kill();
      Map<String, Long> taken = envoy.stats("(cds|lds)\\.update_(success|rejected)$");
      sandbox.stop("cp");
      gate.controlPlane(
          "bolina: {first-size: 200, sessions: 1/m, source-sessions: 1/m, known: 50000}\n");
      await().until(() -> gate.fleet().at("/envoys/0/types").has("LEDS"));
      assertThat(envoy.stats("(cds|lds)\\.update_(success|rejected)$")).isEqualTo(taken);
      gate.sender("127.8.0.4").rejectedBy("shields", envoy, packet(250));
      sandbox.consul().start();
      await()
          .atMost(Duration.ofSeconds(40))
          .until(() -> gate.fleet().at("/services/0/gate/orders/error").isNull());
      // A typing error is no order: it takes back the one that stood in its place, and says so.
      gate.order("shields", "upp");
      assertThat(sandbox.meters("cp").scrape())
          .contains("bolina_bad_input_total{kind=\"gate-order\"}");
      gate.rules("bolina: {}\n");
      gate.sender("127.8.0.5").passes(packet(1));

      crowd.clients().rest();
      crowd.allStay();
      List<SimulatedClient> all = crowd.clients().all();
      assertThat(all.stream().mapToLong(SimulatedClient::answered).sum())
          .as("answers")
          .isGreaterThan(all.size() * 10L);
      assertThat(envoy.stat("udp." + SERVICE + ".downstream_sess_total"))
          .as("sessions ever: the clients', and those of two others")
          .isEqualTo(all.size() + 2);
    }
  }

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void an_envoy_that_cannot_load_the_module_gets_a_listener_without(Protocol protocol)
      throws Exception {
    try (GateSandbox gate = new GateSandbox()) {
      Sandbox sandbox = gate.sandbox();
      sandbox.servers("b-1", "b-2");
      gate.controlPlane("bolina: {first-size: 200}\n");
      RealEnvoy envoy =
          sandbox.envoyWithGate(
              "edge", protocol, Files.createDirectory(sandbox.directory().resolve("empty")));
      Crowd crowd = new Crowd(sandbox);
      crowd.arriveOn(50, "b-1", "b-2");
      assertThat(gate.fleet().at("/envoys/0/gate").asText())
          .startsWith("off: it could not load the module: ");
      assertThat(sandbox.meters("cp").scrape())
          .contains("bolina_xds_nacks_total{type=\"LDS\"} 1.0")
          .contains("bolina_bad_input_total{kind=\"no-gate\"} 1.0")
          .contains("bolina_xds_streams_with_gate 0.0");

      // Over a restart of the control plane too, which offers it the gate once more.
      sandbox.stop("cp");
      gate.controlPlane("bolina: {first-size: 200}\n");
      await().until(() -> gate.fleet().at("/envoys/0/gate").asText().startsWith("off: it could"));
      sandbox.consul().api().health("b-1", "critical", "");
      sandbox.awaitEnvoys("b-1", "DEGRADED");
      crowd.allStay();
      assertThat(envoy.isAlive()).isTrue();
    }
  }
}
