package io.bolina.it.gate;

import static io.bolina.it.gate.GateSandbox.bytes;
import static io.bolina.it.gate.GateSandbox.packet;
import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.resources.UdpService;
import io.bolina.it.gate.GateSandbox.Sender;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.server.StandInServer;
import java.io.IOException;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Each rule of the gate, with packets just inside and just outside it. One Envoy serves all tests;
 * each has rules and source addresses of its own. Where a rate matters, it is so low that no test
 * is slow enough to see it grant one more.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class GateRulesIT {
  private static final String SHAPE =
      """
      bolina:
        size: {min: 4, max: 40}
        first-size: 10
        patterns:
        - {name: magic, offset: 0, bytes: "b0 11"}
        - {name: version, offset: 2, bytes: ["10", "20"], mask: "f0"}
        lengths:
        - {name: body, offset: 3, width: 1, plus: 4}
        log-every: 1s
      """;

  private static final byte[] GOOD = packet(12, 0xb0, 0x11, 0x10, 8);

  private GateSandbox gate;
  private RealEnvoy envoy;
  private UdpService six;
  private StandInServer serverOfSix;

  @BeforeAll
  void open() throws Exception {
    six = new UdpService("six", "::1", FreePort.udp());
    gate = new GateSandbox().serving(six);
    Sandbox sandbox = gate.sandbox();
    sandbox.servers("b-1", "b-2");
    serverOfSix = sandbox.closed(Sandbox.startServer("six-1"));
    sandbox.consul().api().register("six", "six-1", "127.0.0.1", serverOfSix.address().getPort());
    gate.controlPlane("bolina: {}\n");
    envoy = sandbox.envoyWithGate("edge");
  }

  @AfterEach
  void nothingWentWrong() throws IOException {
    assertThat(envoy.gate(SERVICE, "faults") + envoy.gate(SERVICE, "no_rules")).isZero();
  }

  @AfterAll
  void close() {
    gate.close();
  }

  private static byte[] beginning(int size, String hex) {
    byte[] packet = packet(size);
    byte[] first = HexFormat.ofDelimiter(" ").parseHex(hex);
    System.arraycopy(first, 0, packet, 0, first.length);
    return packet;
  }

  @ParameterizedTest
  @CsvSource({
    "size, 3, b0 11 10",
    "size, 41, b0 11 10 25",
    "pattern, 12, b1 11 10 08",
    "pattern, 12, b0 11 30 08",
    "length, 12, b0 11 10 07",
    "length, 12, b0 11 10 09",
    "first_size, 9, b0 11 10 05"
  })
  void a_packet_just_outside_is_rejected(String rule, int size, String hex) throws IOException {
    gate.rules(SHAPE);
    gate.sender("127.0.1.1").rejectedBy(rule, envoy, beginning(size, hex));
  }

  @Test
  void packets_just_inside_pass() throws IOException {
    gate.rules(SHAPE);
    Sender client = gate.sender("127.0.1.2");
    client.passes(beginning(10, "b0 11 1f 06"));
    client.passes(beginning(4, "b0 11 20 00")); // less than first-size: it is known now
    client.passes(beginning(40, "b0 11 10 24"));
    gate.rules("bolina: {}\n");
    client.passes(packet(1));
  }

  @Test
  void what_is_rejected_is_logged_with_its_first_bytes() throws IOException {
    gate.rules(SHAPE);
    Sender client = gate.sender("127.0.1.3");
    await()
        .until(
            () -> {
              // At most one a second is logged of each rule.
              client.rejectedBy("pattern", envoy, beginning(12, "b1 11 10 08"));
              return envoy.log().contains("rejected by pattern 'magic': 127.0.1.3:");
            });
    assertThat(envoy.log()).contains("12 bytes beginning b1111008");
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.1.8", "127.0.1.11"})
  void a_denied_network_is_rejected(String inside) throws IOException {
    gate.rules("bolina: {deny: [127.0.1.8/30]}\n");
    gate.sender(inside).rejectedBy("denied", envoy, GOOD);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.1.7", "127.0.1.12"})
  void its_neighbours_pass(String outside) throws IOException {
    gate.rules("bolina: {deny: [127.0.1.8/30]}\n");
    gate.sender(outside).passes(GOOD);
  }

  @Test
  void each_service_has_rules_of_its_own_over_ipv6_too() throws IOException {
    gate.rules("bolina: {}\nsix: {deny: ['::1']}\n");
    try (Sender client = new Sender("::1", new HostPort("::1", six.listenPort()).socketAddress())) {
      client.send(GOOD);
      await().until(() -> envoy.gate("six", "rejected_denied") == 1);
      gate.sender("127.0.1.20").passes(GOOD);
      gate.rules("bolina: {}\n");
      client.passes(GOOD);
    }
    assertThat(serverOfSix.connectionsEver()).as("of six, whose rules are gone").isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.1.255", "127.0.3.0"})
  void a_network_that_is_not_allowed_is_rejected(String outside) throws IOException {
    gate.rules("bolina: {allow: [127.0.2.0/24]}\n");
    gate.sender(outside).rejectedBy("not_allowed", envoy, GOOD);
    gate.sender("127.0.2.100").passes(GOOD);
  }

  @Test
  void the_packets_of_a_source_are_limited_whatever_their_ports() throws IOException {
    gate.rules("bolina: {source-packets: 0.001/m burst 5}\n");
    Sender first = gate.sender("127.0.2.0");
    Sender second = gate.sender("127.0.2.0");
    for (int i = 0; i < 5; i++) {
      (i % 2 == 0 ? first : second).passes(GOOD);
    }
    second.rejectedBy("source_packets", envoy, GOOD);
    first.rejectedBy("source_packets", envoy, GOOD);
    gate.sender("127.0.2.255").passes(GOOD);
  }

  @Test
  void new_sessions_are_limited_by_source_and_in_all() throws IOException {
    gate.rules(
        """
        bolina:
          source-sessions: 0.001/m burst 2
          sessions: 0.001/m burst 3
          known-for: 1h
        """);
    Sender known = gate.sender("127.0.4.1");
    known.passes(GOOD);
    gate.sender("127.0.4.1").passes(GOOD);
    gate.sender("127.0.4.1").rejectedBy("source_sessions", envoy, GOOD);
    gate.sender("127.0.4.2").passes(GOOD);
    gate.sender("127.0.4.3").rejectedBy("sessions", envoy, GOOD);
    known.passes(GOOD);
  }

  @Test
  void in_shadow_mode_what_would_be_rejected_passes_and_is_counted() throws IOException {
    gate.rules("bolina: {mode: shadow, size: {max: 5}}\n");
    Sender client = gate.sender("127.0.5.1");
    client.passesButCounts("size", envoy, packet(6));
    client.passes(packet(5));
  }

  @Test
  void one_rule_alone_may_be_in_shadow() throws IOException {
    gate.rules(
        """
        bolina:
          size: {max: 5}
          patterns: [{name: word, text: ab}]
          shadow: [pattern]
          log-every: 1s
        """);
    Sender client = gate.sender("127.0.5.2");
    client.rejectedBy("size", envoy, packet(6));
    client.passesButCounts("pattern", envoy, bytes("ac"));
    await()
        .until(
            () -> {
              client.passesButCounts("pattern", envoy, bytes("ac"));
              return envoy.log().contains("would be rejected by pattern 'word'");
            });
  }
}
