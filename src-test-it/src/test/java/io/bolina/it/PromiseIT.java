package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.envoy.Chooser;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * New and known clients against each state of a server, on the real Envoy and the real Consul. The
 * rows of docs/envoy-sessions.md that the design relies on are all here.
 */
@ParameterizedClass
@EnumSource(Chooser.class)
class PromiseIT {
  @Parameter private Chooser chooser;
  private Sandbox sandbox;
  private ConsulApi consul;

  @BeforeEach
  void servers() throws Exception {
    sandbox = new Sandbox(chooser);
    sandbox.servers("b-1", "b-2", "b-3", "b-4");
    consul = sandbox.consul().api();
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private Crowd crowd(Protocol protocol) throws Exception {
    sandbox.controlPlane("cp");
    sandbox.envoy("edge", protocol);
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(120, "b-1", "b-2", "b-3", "b-4");
    return crowd;
  }

  private void make(String state, String id) throws Exception {
    switch (state) {
      case "critical" -> consul.health(id, "critical", "disk is failing");
      case "overloaded" -> consul.load(SERVICE, id, 0.95, 10);
      case "draining" -> consul.maintenance(id, true);
      case "vanished" -> consul.deregister(id);
      case "node-maintenance" -> consul.put("/v1/agent/maintenance?enable=true", "");
      default -> throw new IllegalArgumentException(state);
    }
  }

  private void recover(String state, String id) throws Exception {
    switch (state) {
      case "critical" -> consul.health(id, "passing", "");
      case "overloaded" -> consul.load(SERVICE, id, 0.2, 10);
      case "draining" -> consul.maintenance(id, false);
      case "vanished" -> {
        var address = sandbox.running(id).address();
        consul.register(SERVICE, id, address.getHostString(), address.getPort());
      }
      default -> throw new IllegalArgumentException(state);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "critical, INCREMENTAL",
    "critical, STATE_OF_THE_WORLD",
    "overloaded, INCREMENTAL",
    "overloaded, STATE_OF_THE_WORLD",
    "draining, INCREMENTAL",
    "vanished, INCREMENTAL",
    "vanished, STATE_OF_THE_WORLD"
  })
  void a_closed_server_keeps_its_clients_and_gets_no_new_one(String state, Protocol protocol)
      throws Exception {
    Crowd crowd = crowd(protocol);

    make(state, "b-1");
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    crowd.arriveOn(80, "b-2", "b-3", "b-4");
    crowd.allStay();

    recover(state, "b-1");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    crowd.arriveOn(80, "b-1", "b-2", "b-3", "b-4");
    crowd.allStay();
  }

  @Test
  void one_open_server_of_four_takes_every_new_client() throws Exception {
    Crowd crowd = crowd(Protocol.INCREMENTAL);
    for (String id : List.of("b-1", "b-2", "b-3")) {
      consul.health(id, "critical", "");
      sandbox.awaitEnvoys(id, "DEGRADED");
    }
    crowd.arriveOn(100, "b-4");
    crowd.allStay();
  }

  @Test
  void with_every_server_critical_a_new_client_gets_none_and_known_ones_go_on() throws Exception {
    Crowd crowd = crowd(Protocol.INCREMENTAL);
    for (String id : List.of("b-1", "b-2", "b-3", "b-4")) {
      consul.health(id, "critical", "");
      sandbox.awaitEnvoys(id, "DEGRADED");
    }
    RealEnvoy envoy = sandbox.envoyNamed("edge");
    Clients late = sandbox.clientsFrom(5_000);
    List<SimulatedClient> arrived = late.arrive(20);
    late.talk(arrived, Duration.ZERO);
    await()
        .untilAsserted(
            () ->
                assertThat(envoy.stat("cluster." + SERVICE + ".upstream_cx_none_healthy"))
                    .isGreaterThanOrEqualTo(20));
    assertThat(Clients.byServer(arrived)).isEmpty();
    crowd.allStay();
  }

  @Test
  void with_every_server_overloaded_new_clients_go_to_those_but_never_to_a_critical_one()
      throws Exception {
    ControlPlane plane = sandbox.controlPlane("cp");
    sandbox.envoy("edge");
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(120, "b-1", "b-2", "b-3", "b-4");
    consul.health("b-4", "critical", "");
    sandbox.awaitEnvoys("b-4", "DEGRADED");
    for (String id : List.of("b-1", "b-2", "b-3")) {
      consul.load(SERVICE, id, 1.3, 10);
    }
    await()
        .untilAsserted(
            () ->
                assertThat(
                        new AdminPages(plane.admin()).json("/fleet").at("/services/0/bestEffort"))
                    .asString()
                    .isEqualTo("true"));
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    sandbox.awaitEnvoys("b-2", "HEALTHY");
    sandbox.awaitEnvoys("b-3", "HEALTHY");
    crowd.arriveOn(80, "b-1", "b-2", "b-3");
    crowd.allStay();
  }

  @Test
  void a_server_in_warning_gets_fewer_new_clients_and_keeps_its_own() throws Exception {
    Crowd crowd = crowd(Protocol.INCREMENTAL);
    consul.health("b-1", "warning", "slow");
    awaitWeight(sandbox.envoyNamed("edge"), "b-1", 50);
    Map<String, Integer> byServer = Clients.byServer(crowd.arrive(1_200));
    // Half the weight of the others: a seventh of the clients, give or take the hash.
    assertThat(byServer.get("b-1")).isBetween(60, 270);
    crowd.allStay();
  }

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void servers_that_join_or_change_their_zone_or_metadata_break_no_connection(Protocol protocol)
      throws Exception {
    Crowd crowd = crowd(protocol);
    sandbox.servers("b-0", "b-5");
    sandbox.awaitEnvoys("b-0", "HEALTHY");
    sandbox.awaitEnvoys("b-5", "HEALTHY");
    crowd.arriveOn(160, "b-0", "b-1", "b-2", "b-3", "b-4", "b-5");
    var b2 = sandbox.running("b-2").address();
    consul.register(SERVICE, "b-2", b2.getHostString(), b2.getPort(), "another-zone");
    await()
        .untilAsserted(
            () ->
                assertThat(sandbox.fleet("cp").at("/services/0/servers/2/zone").asText())
                    .isEqualTo("another-zone"));
    // A zone alone makes no new version; what comes after it has it too.
    consul.load(SERVICE, "b-3", 0.6, 5);
    awaitWeight(sandbox.envoyNamed("edge"), "b-3", 75);
    sandbox.awaitAcknowledged("cp");
    crowd.allStay();
  }

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void returning_clients_find_their_server_again_after_a_step_of_a_weight_and_back(
      Protocol protocol) throws Exception {
    sandbox.controlPlane("cp");
    RealEnvoy envoy = sandbox.envoy("edge", protocol);
    List<String> before = comeFromTheSameAddresses();
    consul.load(SERVICE, "b-1", 0.6, 5);
    awaitWeight(envoy, "b-1", 75);
    // All at once, weights that are the same are left out; it must be the same to Envoy as before.
    consul.load(SERVICE, "b-1", 0.1, 5);
    awaitWeight(envoy, "b-1", protocol == Protocol.INCREMENTAL ? 100 : 1);
    assertThat(comeFromTheSameAddresses()).isEqualTo(before);
  }

  private void awaitWeight(RealEnvoy envoy, String id, int weight) {
    await()
        .untilAsserted(
            () ->
                assertThat(envoy.admin().text("/clusters"))
                    .contains(sandbox.endpoint(id) + "::weight::" + weight + "\n"));
  }

  private List<String> comeFromTheSameAddresses() throws Exception {
    try (Clients clients = new Clients(sandbox.front().socketAddress())) {
      List<SimulatedClient> arrived = clients.arrive(300);
      assertThat(clients.talk(arrived, Patience.LONG)).isEmpty();
      return arrived.stream().map(c -> c.server().orElseThrow()).toList();
    }
  }

  /** The time until something happens is long until it is to happen, however slow the test. */
  private static FleetSettings fleet(Duration linger, Duration goneAfter) {
    return new FleetSettings(linger, goneAfter, Duration.ofMinutes(30));
  }

  /** It follows a change within a fraction of a second. */
  private void awaitStateFile(String text) {
    Path file = sandbox.directory().resolve("state-cp/fleets.json");
    await().until(() -> Files.readString(file).contains(text));
  }

  @Test
  void a_lost_machine_is_closed_at_once_and_given_up_after_a_while() throws Exception {
    // A node without an agent of its own, as Consul's catalog knows it.
    var stray = sandbox.closed(Sandbox.startServer("stray"));
    String node =
        """
        {"Node": "far", "Address": "127.0.0.1",
         "Service": {"ID": "stray", "Service": "bolina", "Address": "127.0.0.1", "Port": %d},
         "Check": {"Node": "far", "CheckID": "serfHealth", "Name": "Serf", "Status": "%s"}}
        """;
    consul.put("/v1/catalog/register", node.formatted(stray.address().getPort(), "passing"));
    ControlPlane plane =
        sandbox.controlPlane(
            "cp", c -> c.withFleet(fleet(Duration.ofMinutes(10), Duration.ofMinutes(10))));
    RealEnvoy envoy = sandbox.envoy("edge");
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(150, "b-1", "b-2", "b-3", "b-4", "stray");
    int onStray = crowd.byServer().get("stray");
    String endpoint = "127.0.0.1:" + stray.address().getPort();

    consul.put("/v1/catalog/register", node.formatted(stray.address().getPort(), "critical"));
    await()
        .untilAsserted(
            () -> assertThat(envoy.servers(SERVICE)).containsEntry(endpoint, "DEGRADED"));
    assertThat(new AdminPages(plane.admin()).text("/fleet"))
        .contains("\"presence\" : \"node_lost\"");
    crowd.allStay();

    awaitStateFile("NODE_LOST");
    sandbox.stop("cp");
    sandbox.controlPlane(
        "cp", c -> c.withFleet(fleet(Duration.ofMinutes(10), Duration.ofSeconds(1))));
    await().untilAsserted(() -> assertThat(envoy.servers(SERVICE)).doesNotContainKey(endpoint));
    crowd.clients().talk(Patience.LONG);
    assertThat(crowd.byServer()).doesNotContainKey("stray");
    assertThat(crowd.clients().breaks())
        .as("only the clients of the lost machine are moved")
        .hasSize(onStray)
        .allSatisfy(b -> assertThat(b.from()).isEqualTo("stray"));
  }

  @Test
  void a_server_that_vanished_for_longer_than_the_linger_time_is_forgotten() throws Exception {
    sandbox.controlPlane("cp");
    RealEnvoy envoy = sandbox.envoy("edge");
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(120, "b-1", "b-2", "b-3", "b-4");
    consul.deregister("b-2");
    sandbox.awaitEnvoys("b-2", "DEGRADED");
    crowd.allStay();

    awaitStateFile("VANISHED");
    sandbox.stop("cp");
    sandbox.controlPlane(
        "cp", c -> c.withFleet(fleet(Duration.ofSeconds(1), Duration.ofMinutes(10))));
    sandbox.awaitEnvoys("b-2", null);
    assertThat(envoy.servers(SERVICE)).hasSize(3);
  }

  @Test
  void services_have_listeners_and_servers_of_their_own() throws Exception {
    UdpService other = new UdpService("other", "127.0.0.1", FreePort.udp());
    var o1 = sandbox.closed(Sandbox.startServer("o-1"));
    var o2 = sandbox.closed(Sandbox.startServer("o-2"));
    consul.register("other", "o-1", "127.0.0.1", o1.address().getPort());
    consul.register("other", "o-2", "127.0.0.1", o2.address().getPort());
    sandbox.controlPlane("cp", c -> c.withServices(List.of(sandbox.service(), other)));
    RealEnvoy envoy = sandbox.envoy("edge");
    await().until(() -> envoy.stat("listener_manager.total_listeners_active") == 2);
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(100, "b-1", "b-2", "b-3", "b-4");
    Clients others =
        sandbox.closed(new Clients(new HostPort("127.0.0.1", other.listenPort()).socketAddress()));
    others.arrive(40);
    assertThat(others.talk(Patience.LONG)).isEmpty();
    assertThat(Clients.byServer(others.all())).containsOnlyKeys("o-1", "o-2");

    consul.health("o-1", "critical", "");
    await()
        .until(
            () ->
                "DEGRADED"
                    .equals(envoy.servers("other").get("127.0.0.1:" + o1.address().getPort())));
    List<SimulatedClient> late = others.arrive(30);
    assertThat(others.talk(Patience.LONG)).isEmpty();
    assertThat(Clients.byServer(late)).containsOnlyKeys("o-2");
    assertThat(others.breaks()).isEmpty();
    crowd.arriveOn(60, "b-1", "b-2", "b-3", "b-4");
    crowd.allStay();
  }

  @Test
  void bad_entries_affect_nobody_but_are_counted() throws Exception {
    Crowd crowd = crowd(Protocol.INCREMENTAL);
    consul.put("/v1/kv/bolina/load/bolina/b-1", "{\"load\": \"NaN\"}");
    consul.put("/v1/kv/bolina/load/bolina/b-2", "{\"load\": -1}");
    consul.put("/v1/kv/bolina/load/bolina/b-3", "x".repeat(5_000));
    consul.put("/v1/kv/bolina/load/bolina/nobody", "{\"load\": 0.5}");
    consul.put("/v1/kv/bolina/load/bolina/", "");
    consul.put(
        "/v1/agent/service/register",
        "{\"ID\": \"bad-1\", \"Name\": \"bolina\", \"Address\": \"a name\", \"Port\": 5}");
    consul.put(
        "/v1/agent/service/register",
        "{\"ID\": \"bad-2\", \"Name\": \"bolina\", \"Address\": \"10.0.0.1\"}");
    consul.load(SERVICE, "b-4", 0.95, 3);
    sandbox.awaitEnvoys("b-4", "DEGRADED");
    await()
        .untilAsserted(
            () -> {
              String metrics = sandbox.meters("cp").scrape();
              assertThat(metrics)
                  .contains("bolina_bad_input_total{kind=\"load-entry\"}")
                  .contains("bolina_bad_input_total{kind=\"load-without-server\"}")
                  .contains("bolina_bad_input_total{kind=\"instance\"}");
            });
    crowd.arriveOn(80, "b-1", "b-2", "b-3");
    consul.health("b-3", "critical", "");
    sandbox.awaitEnvoys("b-3", "DEGRADED");
    crowd.arriveOn(80, "b-1", "b-2");
    crowd.allStay();
  }
}
