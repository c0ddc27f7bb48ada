package io.bolina.it.gate;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.it.MergedDatagrams;
import io.bolina.it.Patience;
import io.bolina.registry.ServerToken;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Servers named by tokens, on the real Envoy and the real Consul. */
class TokensIT {
  private static final String RULES = "bolina: {token: {offset: 0, length: 4}}\n";
  private static final List<String> ALL = List.of("b-1", "b-2", "b-3", "b-4");
  private static final byte[] NONE = new byte[4];
  private static final byte[] TEXT = "talk".getBytes(StandardCharsets.UTF_8);

  private GateSandbox gate;
  private ConsulApi consul;
  private int source;

  @BeforeEach
  void servers() throws Exception {
    gate = new GateSandbox();
    gate.sandbox().servers(ALL.toArray(String[]::new));
    consul = gate.sandbox().consul().api();
  }

  @AfterEach
  void close() {
    gate.close();
  }

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void whoever_has_a_token_reaches_its_server_whatever_becomes_of_it(Protocol protocol)
      throws Exception {
    gate.controlPlane(RULES);
    gate.sandbox().envoyWithTokens("edge", protocol);
    assertThat(envoy().path("tokens").asText()).isEqualTo("on");
    everyTokenLeadsToItsServer();
    assertThat(reachedWithout(60)).containsExactlyInAnyOrderElementsOf(ALL);

    afterwards(() -> consul.health("b-1", "critical", "disk is failing"));
    afterwards(() -> consul.load(SERVICE, "b-2", 0.95, 10));
    everyTokenLeadsToItsServer();
    assertThat(reachedWithout(60)).containsExactlyInAnyOrder("b-3", "b-4");
    assertThat(serverOf(HexFormat.of().parseHex("01020304")))
        .as("a token that nobody has")
        .isIn("b-3", "b-4");

    afterwards(() -> consul.deregister("b-3"));
    everyTokenLeadsToItsServer();
    assertThat(reachedWithout(40)).containsExactly("b-4");
    RealEnvoy running = gate.sandbox().envoyNamed("edge");
    assertThat(running.stat("bolina_gate.bolina.chosen_by_token")).isGreaterThanOrEqualTo(60);
    assertThat(running.stat("bolina_gate.bolina.token_to_closed")).isGreaterThanOrEqualTo(20);
    assertThat(running.stat("bolina_gate.bolina.token_unknown")).isGreaterThanOrEqualTo(1);
    assertThat(running.servers(SERVICE)).hasSize(4);

    // An Envoy's death ends its table of sessions: the token is all that is left.
    running.close();
    gate.sandbox().envoyWithTokens("edge", protocol);
    everyTokenLeadsToItsServer();
    assertThat(reachedWithout(40)).containsExactly("b-4");
  }

  @Test
  void a_registered_token_counts_and_one_that_two_servers_have_is_nobodys() throws Exception {
    ControlPlane plane = gate.controlPlane(RULES);
    gate.sandbox().envoyWithTokens("edge", Protocol.INCREMENTAL);
    afterwards(() -> register("b-1", "cafe0001"));
    assertThat(serverOf(HexFormat.of().parseHex("cafe0001"))).isEqualTo("b-1");
    afterwards(() -> register("b-2", "cafe0001ff"));
    assertThat(new AdminPages(plane.admin()).text("/metrics"))
        .contains("bolina_fleet_duplicate_tokens{service=\"bolina\"} 2.0");
    Set<String> reached = new HashSet<>();
    for (int i = 0; i < 40; i++) {
      reached.add(serverOf(HexFormat.of().parseHex("cafe0001")));
    }
    assertThat(reached).as("by hash").hasSizeGreaterThan(2);
  }

  private void register(String id, String token) throws IOException {
    InetSocketAddress at = gate.sandbox().running(id).address();
    consul.put(
        "/v1/agent/service/register",
        """
        {"ID": "%s", "Name": "%s", "Address": "%s", "Port": %d, "Meta": {"bolina-token": "%s"},
         "Check": {"CheckID": "service:%s", "TTL": "10m", "Status": "passing"}}
        """
            .formatted(id, SERVICE, at.getHostString(), at.getPort(), token, id));
  }

  @Test
  void clients_without_a_token_fare_as_with_envoys_own_policy() throws Exception {
    gate.controlPlane(RULES);
    RealEnvoy plain = gate.sandbox().envoy("plain");
    consul.load(SERVICE, "b-2", 0.6, 5);
    consul.health("b-3", "critical", "");
    gate.sandbox().awaitEnvoys("b-3", "DEGRADED");
    await()
        .untilAsserted(
            () ->
                assertThat(plain.admin().text("/clusters"))
                    .contains(gate.sandbox().endpoint("b-2") + "::weight::75\n"));
    List<String> before = comeFromTheSameAddresses();
    plain.close();
    gate.sandbox().envoyWithTokens("edge", Protocol.INCREMENTAL);
    assertThat(comeFromTheSameAddresses()).isEqualTo(before).doesNotContain("b-3");
  }

  /**
   * Two Envoys beside each other, one of which chooses itself, over random states of six servers.
   */
  @Test
  void the_module_chooses_as_envoy_does_whatever_the_weights_and_whoever_is_closed()
      throws Exception {
    gate.sandbox().servers("b-5", "b-6");
    List<String> six = List.of("b-1", "b-2", "b-3", "b-4", "b-5", "b-6");
    HostPort other = new HostPort("127.0.0.1", FreePort.udp());
    gate.controlPlane(RULES);
    RealEnvoy module = gate.sandbox().envoyWithTokens("module", Protocol.INCREMENTAL);
    ControlPlane plane =
        gate.sandbox()
            .controlPlane(
                "other",
                c -> c.withServices(List.of(new UdpService(SERVICE, other.host(), other.port()))));
    RealEnvoy envoy =
        gate.sandbox()
            .closed(
                RealEnvoy.start(
                    RealPart.ENVOY.installed(),
                    gate.sandbox().directory(),
                    "envoy",
                    List.of(plane.xds()),
                    Protocol.INCREMENTAL,
                    Optional.empty()));
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int round = 0; round < 8; round++) {
      Map<String, String> wanted = new TreeMap<>();
      for (String id : six) {
        // One is always open: with none nobody would be answered.
        boolean closed = random.nextInt(3) == 0 && !id.equals("b-6");
        double load = List.of(0.1, 0.6, 0.8).get(random.nextInt(3));
        consul.health(id, closed ? "critical" : "passing", "");
        consul.load(SERVICE, id, load, round);
        int weight = load < 0.5 ? 100 : load < 0.7 ? 75 : 50;
        wanted.put(gate.sandbox().endpoint(id), closed ? "DEGRADED" : "HEALTHY " + weight);
      }
      for (RealEnvoy each : List.of(module, envoy)) {
        await("round " + round + " of seed " + seed)
            .untilAsserted(() -> assertThat(states(each)).isEqualTo(wanted));
      }
      // From others than in earlier rounds: one that had the port of an earlier one would have its
      // session.
      int first = 1 + 250 * round;
      assertThat(comeFromTheSameAddresses(gate.sandbox().front(), first, 250))
          .as("round %s of seed %s: %s", round, seed, wanted)
          .isEqualTo(comeFromTheSameAddresses(other, first, 250));
    }
  }

  private static Map<String, String> states(RealEnvoy envoy) throws IOException {
    Map<String, String> states = new TreeMap<>(envoy.servers(SERVICE));
    Map<String, Integer> weights = envoy.weights(SERVICE);
    states.replaceAll(
        (at, health) -> health.equals("DEGRADED") ? health : health + " " + weights.get(at));
    return states;
  }

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void an_envoy_that_cannot_load_the_module_never_gets_servers_that_only_it_may_have(
      Protocol protocol) throws Exception {
    gate.controlPlane(RULES);
    Path empty = Files.createDirectories(gate.sandbox().directory().resolve("no-module"));
    RealEnvoy envoy = gate.sandbox().envoyWithTokens("edge", protocol, empty);
    assertThat(envoy().path("tokens").asText()).startsWith("off: it could not load the module");
    Clients clients = gate.sandbox().clients();
    clients.arrive(60);
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    consul.health("b-1", "critical", "");
    gate.sandbox().awaitEnvoys("b-1", "DEGRADED");
    assertThat(reachedWithout(60)).containsExactlyInAnyOrder("b-2", "b-3", "b-4");
    gate.sandbox().stop("cp");
    gate.controlPlane(RULES);
    await().until(() -> !gate.fleet().path("envoys").isEmpty());
    await().until(() -> envoy().path("types").has("LDS"));
    await().until(() -> envoy().path("tokens").asText().startsWith("off: "));
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    assertThat(clients.breaks()).as("it keeps its clusters").isEmpty();
    assertThat(envoy.admin().text("/clusters"))
        .doesNotContain(EnvoyResources.tokenName(SERVICE) + "::127");
    assertThat(reachedWithout(60)).containsExactlyInAnyOrder("b-2", "b-3", "b-4");
  }

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void sessions_last_through_changes_of_servers_rules_and_control_planes(Protocol protocol)
      throws Exception {
    gate.controlPlane(RULES);
    gate.sandbox().envoyWithTokens("edge", protocol);
    Clients clients = gate.sandbox().clients();
    clients.arrive(120);
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    afterwards(() -> consul.health("b-1", "critical", ""));
    afterwards(() -> consul.load(SERVICE, "b-2", 0.6, 5));
    afterwards("CDS", () -> gate.replace("bolina: {quic-lb: aws-nlb}\n"));
    afterwards("CDS", () -> gate.replace(RULES));
    gate.sandbox().stop("cp");
    gate.controlPlane(RULES);
    await().until(() -> !gate.fleet().path("envoys").isEmpty());
    await().until(() -> envoy().path("tokens").asText().equals("on"));
    afterwards(() -> consul.health("b-1", "passing", ""));
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    assertThat(clients.breaks()).isEmpty();
    assertThat(gate.sandbox().envoyNamed("edge").stat("udp.bolina.downstream_sess_total"))
        .isEqualTo(120);
    everyTokenLeadsToItsServer();
  }

  @Test
  void where_each_datagram_is_routed_one_socket_reaches_several_servers_and_nobody_else_moves()
      throws Exception {
    gate.routingEachDatagram().controlPlane(RULES);
    gate.sandbox().envoyWithTokens("edge", Protocol.INCREMENTAL);
    Clients clients = gate.sandbox().clients();
    clients.arrive(120);
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    afterwards(() -> consul.health("b-1", "critical", ""));
    afterwards(() -> consul.load(SERVICE, "b-2", 0.95, 5));
    afterwards(() -> consul.load(SERVICE, "b-3", 0.6, 5));
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    try (GateSandbox.Sender one = gate.sender("127.77.0.1")) {
      for (int round = 0; round < 5; round++) {
        for (String id : ALL) {
          byte[] token = HexFormat.of().parseHex(ServerToken.derivedFrom(id).substring(0, 8));
          one.send(ByteBuffer.allocate(8).put(token).put(TEXT).array());
          assertThat(one.answeredBy()).isEqualTo(id);
        }
      }
    }
    afterwards(() -> consul.deregister("b-4"));
    afterwards(() -> consul.health("b-1", "passing", ""));
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    assertThat(clients.breaks()).isEmpty();
    RealEnvoy envoy = gate.sandbox().envoyNamed("edge");
    assertThat(envoy.stat("bolina_gate.bolina.chosen_again")).isGreaterThanOrEqualTo(240);
    everyTokenLeadsToItsServer();
  }

  @Test
  void datagrams_that_a_client_sends_as_one_arrive_one_by_one() throws Exception {
    gate.controlPlane("bolina: {token: {offset: 0, length: 4}, size: {max: 1200}}\n");
    RealEnvoy envoy = gate.sandbox().envoyWithTokens("edge", Protocol.INCREMENTAL);
    assertThat(MergedDatagrams.answered(gate.sandbox().front())).isGreaterThanOrEqualTo(10);
    assertThat(envoy.gate(SERVICE, "rejected_size")).as("the gate sees each of them").isZero();
  }

  // ------------------------------------------------------------

  private interface Change {
    void make() throws Exception;
  }

  /** Makes a change, and waits until the Envoy has acknowledged other servers. */
  private void afterwards(Change change) throws Exception {
    afterwards(envoy().path("types").has("LEDS") ? "LEDS" : "EDS", change);
  }

  private void afterwards(String type, Change change) throws Exception {
    String before = acknowledged(type);
    change.make();
    await().until(() -> !acknowledged(type).equals(before));
  }

  private String acknowledged(String type) throws IOException {
    return envoy().path("types").path(type).path("acknowledged").asText();
  }

  private JsonNode envoy() throws IOException {
    return gate.fleet().at("/envoys/0");
  }

  private void everyTokenLeadsToItsServer() throws IOException {
    for (String id : ALL) {
      byte[] token = HexFormat.of().parseHex(ServerToken.derivedFrom(id).substring(0, 8));
      for (int i = 0; i < 10; i++) {
        assertThat(serverOf(token)).isEqualTo(id);
      }
    }
  }

  /** Who answers so many clients that have no token. */
  private Set<String> reachedWithout(int clients) throws IOException {
    Set<String> reached = new HashSet<>();
    for (int i = 0; i < clients; i++) {
      reached.add(serverOf(NONE));
    }
    return reached;
  }

  /** Who answers a client of an address and port that was never seen before. */
  private String serverOf(byte[] token) throws IOException {
    source++;
    String from = "127.77." + source / 250 + "." + (1 + source % 250);
    try (GateSandbox.Sender sender = gate.sender(from)) {
      return sender.serverOf(ByteBuffer.allocate(8).put(token).put(TEXT).array());
    }
  }

  private List<String> comeFromTheSameAddresses() throws Exception {
    return comeFromTheSameAddresses(gate.sandbox().front(), 1, 400);
  }

  private static List<String> comeFromTheSameAddresses(HostPort front, int first, int count)
      throws Exception {
    try (Clients clients = new Clients(front.socketAddress(), first)) {
      List<SimulatedClient> arrived = clients.arrive(count);
      assertThat(clients.talk(arrived, Patience.LONG)).isEmpty();
      return arrived.stream().map(c -> c.server().orElseThrow()).toList();
    }
  }
}
