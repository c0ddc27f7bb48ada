package io.bolina.it.gate;

import static io.bolina.it.gate.GateSandbox.packet;
import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.it.Crowd;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How the gate's rules change in a real Envoy, and Envoys without it. */
class GateIT {
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
              "{first-size: 200, sessions: 0.001/m, source-sessions: 0.001/m, known: 50000}")) {
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
          "bolina: {first-size: 200, sessions: 0.001/m, source-sessions: 0.001/m, known: 50000}\n");
      await().until(() -> gate.fleet().at("/envoys/0/types").has("LEDS"));
      assertThat(envoy.stats("(cds|lds)\\.update_(success|rejected)$")).isEqualTo(taken);
      gate.sender("127.8.0.4").rejectedBy("shields", envoy, packet(250));
      sandbox.consul().start();
      await().until(() -> gate.fleet().at("/services/0/gate/orders/error").isNull());
      // A typing error is no order: it takes back the one that stood in its place, and says so.
      gate.order("shields", "upp");
      assertThat(sandbox.meters("cp").scrape())
          .contains("bolina_bad_input_total{kind=\"gate-order\"}");
      gate.rules("bolina: {}\n");
      gate.sender("127.8.0.5").passes(packet(1));

      List<SimulatedClient> all = crowd.clients().all();
      await("ten answers to each, on the average")
          .until(() -> all.stream().mapToLong(SimulatedClient::answered).sum() > all.size() * 10L);
      crowd.clients().rest();
      crowd.allStay();
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
