package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.registry.Registry;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.consul.ConsulFront.Fault;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.AdminPages;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A registry fault is never an empty fleet: every way in which Consul can fail. */
class RegistryFaultIT {
  private Sandbox sandbox;

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox();
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private static JsonNode service(ControlPlane plane) throws IOException {
    return new AdminPages(plane.admin()).json("/fleet").at("/services/0");
  }

  private Crowd crowdWithOneServerCritical() throws Exception {
    sandbox.servers("b-1", "b-2", "b-3", "b-4");
    sandbox.envoy("edge");
    for (String id : List.of("b-1", "b-2", "b-3", "b-4")) {
      sandbox.awaitEnvoys(id, "HEALTHY");
    }
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(100, "b-1", "b-2", "b-3", "b-4");
    sandbox.consul().api().health("b-1", "critical", "");
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    return crowd;
  }

  @ParameterizedTest
  @EnumSource(Fault.class)
  void a_fault_takes_no_server_away(Fault fault) throws Exception {
    ControlPlane plane = sandbox.controlPlane("cp");
    Crowd crowd = crowdWithOneServerCritical();
    String served = service(plane).path("version").asText();

    sandbox.consulFront().fail(fault);
    await()
        .until(
            () ->
                service(plane).at("/registry/health/error").isTextual()
                    || service(plane).at("/registry/following").asText().equals("last-good-fleet"));
    crowd.arriveOn(60, "b-2", "b-3", "b-4");
    crowd.allStay();
    assertThat(service(plane).path("version").asText()).isEqualTo(served);

    sandbox.consulFront().recover();
    sandbox.consul().api().health("b-1", "passing", "");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    await()
        .until(
            () ->
                service(plane).at("/registry/health/error").isNull()
                    && service(plane).at("/registry/following").asText().equals("registry"));
    crowd.arriveOn(60, "b-1", "b-2", "b-3", "b-4");
    crowd.allStay();
  }

  @Test
  void health_goes_on_while_load_fails() throws Exception {
    ControlPlane plane = sandbox.controlPlane("cp");
    Crowd crowd = crowdWithOneServerCritical();
    sandbox.consulFront().fail(Fault.GARBAGE, "/v1/kv/");
    await().until(() -> service(plane).at("/registry/load/error").isTextual());
    sandbox.consul().api().health("b-2", "critical", "");
    sandbox.awaitEnvoys("b-2", "DEGRADED");
    crowd.arriveOn(60, "b-3", "b-4");
    crowd.allStay();
  }

  @Test
  void consul_killed_and_restarted() throws Exception {
    ControlPlane plane = sandbox.controlPlane("cp");
    Crowd crowd = crowdWithOneServerCritical();
    sandbox.consul().kill();
    await().until(() -> service(plane).at("/registry/health/error").isTextual());
    crowd.arriveOn(60, "b-2", "b-3", "b-4");
    sandbox.consul().start();
    await().until(() -> service(plane).at("/registry/health/error").isNull());
    crowd.arriveOn(60, "b-2", "b-3", "b-4");
    crowd.allStay();
    assertThat(service(plane).at("/registry/following").asText()).isEqualTo("registry");
  }

  @Test
  void consul_restarted_without_its_data_is_not_believed_until_the_servers_are_back()
      throws Exception {
    ControlPlane plane = sandbox.controlPlane("cp");
    Crowd crowd = crowdWithOneServerCritical();
    sandbox.consul().kill();
    sandbox.consul().loseData();
    sandbox.consul().start();
    await()
        .until(() -> service(plane).at("/registry/following").asText().equals("last-good-fleet"));
    assertThat(sandbox.meters("cp").scrape()).contains("bolina_fleet_held{service=\"bolina\"} 1.0");
    crowd.arriveOn(60, "b-2", "b-3", "b-4");
    crowd.allStay();

    for (String id : new String[] {"b-1", "b-2", "b-3", "b-4"}) {
      var address = sandbox.running(id).address();
      sandbox.consul().api().register(SERVICE, id, address.getHostString(), address.getPort());
    }
    await().until(() -> service(plane).at("/registry/following").asText().equals("registry"));
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    crowd.arriveOn(60, "b-1", "b-2", "b-3", "b-4");
    crowd.allStay();
  }

  @Test
  void what_an_emptied_consul_says_is_followed_at_once() throws Exception {
    anEmptiedConsulIsFollowed(sandbox.consul().url(), () -> {});
  }

  /** The streaming backend of such an agent has the old index until it is connected again. */
  @Test
  void what_an_emptied_consul_says_is_followed_at_once_through_an_agent_that_streams()
      throws Exception {
    RealConsul client =
        sandbox.closed(sandbox.consul().join(sandbox.directory().resolve("client"), "client"));
    anEmptiedConsulIsFollowed(client.url(), () -> sandbox.consul().meet(client));
  }

  private interface Step {
    void run() throws IOException;
  }

  private void anEmptiedConsulIsFollowed(URI asked, Step meet) throws Exception {
    ControlPlane plane = controlPlaneThatWaitsLong(asked);
    Crowd crowd = crowdWithOneServerCritical();
    ConsulApi api = sandbox.consul().api();
    // An index that the new Consul does not reach: asked with it, it would say nothing.
    for (int i = 0; i < 300; i++) {
      api.load(SERVICE, "b-1", 0.2 + i * 0.001, i);
    }
    api.health("b-3", "warning", "");
    sandbox.awaitAcknowledged("cp");
    sandbox.consul().kill();
    sandbox.consul().loseData();
    await().until(() -> service(plane).at("/registry/health/error").isTextual());
    sandbox.consul().start();
    meet.run();
    long start = System.nanoTime();
    for (String id : List.of("b-1", "b-2", "b-3", "b-4")) {
      var address = sandbox.running(id).address();
      api.register(SERVICE, id, address.getHostString(), address.getPort());
    }
    api.health("b-2", "critical", "");
    sandbox.awaitEnvoys("b-2", "DEGRADED");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    System.out.printf("followed %.1f s after Consul was back%n", seconds(start));
    crowd.arriveOn(60, "b-1", "b-3", "b-4");
    crowd.allStay();
    api.health("b-4", "critical", "");
    sandbox.awaitEnvoys("b-4", "DEGRADED");
    assertThat(service(plane).at("/registry/following").asText()).isEqualTo("registry");
  }

  @Test
  void a_consul_agent_that_hangs_is_found_out_within_seconds() throws Exception {
    ControlPlane plane = controlPlaneThatWaitsLong(sandbox.consul().url());
    Crowd crowd = crowdWithOneServerCritical();
    long start = System.nanoTime();
    sandbox.consul().hang();
    await()
        .until(
            () ->
                service(plane)
                    .at("/registry/health/error")
                    .asText()
                    .matches("no answer from .* for some seconds"));
    System.out.printf("said %.1f s after Consul hung%n", seconds(start));
    crowd.arriveOn(60, "b-2", "b-3", "b-4");
    crowd.allStay();

    start = System.nanoTime();
    sandbox.consul().goOn();
    sandbox.consul().api().health("b-1", "passing", "");
    sandbox.consul().api().health("b-2", "critical", "");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    sandbox.awaitEnvoys("b-2", "DEGRADED");
    System.out.printf("followed %.1f s after it went on%n", seconds(start));
    await().until(() -> service(plane).at("/registry/health/error").isNull());
    crowd.arriveOn(60, "b-1", "b-3", "b-4");
    crowd.allStay();
  }

  @Test
  void without_a_leader_what_a_server_of_consul_knows_is_followed_and_that_is_said()
      throws Exception {
    ControlPlane plane = sandbox.controlPlane("cp");
    Crowd crowd = crowdWithOneServerCritical();
    sandbox.consulFront().fail(Fault.NO_LEADER);
    await()
        .until(
            () ->
                service(plane)
                    .at("/registry/health/error")
                    .asText()
                    .contains("following stale answers"));
    sandbox.consul().api().health("b-2", "critical", "");
    sandbox.awaitEnvoys("b-2", "DEGRADED");
    assertThat(service(plane).at("/registry/health/error").asText()).contains("no leader");
    crowd.arriveOn(60, "b-3", "b-4");
    crowd.allStay();
    sandbox.consulFront().recover();
    await().until(() -> service(plane).at("/registry/health/error").isNull());
  }

  /** A question of its to Consul outlasts the patience of any test. */
  private ControlPlane controlPlaneThatWaitsLong(URI asked) throws IOException {
    ConsulSettings settings = ConsulSettings.at(asked).withWait(Patience.LONG.multipliedBy(2));
    return sandbox.controlPlane("cp", UnaryOperator.identity(), r -> r.onConsul(settings));
  }

  private static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  @Test
  void a_token_that_loses_its_rights_empties_nothing() throws Exception {
    sandbox.withAcls("6f0c4c0a-0f4e-4d0e-8c0b-1f4f6c1b7a11");
    ConsulApi api = sandbox.consul().api();
    String rules =
        "service \\\"bolina\\\" { policy = \\\"read\\\" } node_prefix \\\"\\\" { policy = \\\"read\\\" }"
            + " key_prefix \\\"bolina/load/bolina/\\\" { policy = \\\"read\\\" }";
    api.put("/v1/acl/policy", "{\"Name\": \"reader\", \"Rules\": \"" + rules + "\"}");
    String token = "0a3d7c66-8d0e-4a55-9d2b-7f1c0b6d1a01";
    api.put(
        "/v1/acl/token",
        "{\"SecretID\": \"" + token + "\", \"Policies\": [{\"Name\": \"reader\"}]}");
    URI url = sandbox.consulFront().url();
    Path gate = Files.writeString(sandbox.directory().resolve("gate.yaml"), "bolina: {}\n");
    ControlPlane plane =
        sandbox.controlPlane(
            "cp",
            c -> c.with(ControlPlaneConfig.GATE_RULES, gate),
            r -> r.onConsul(url, Optional.of(token)));
    Crowd crowd = crowdWithOneServerCritical();
    // It lacks the right to read orders for the gate, which costs nothing but those.
    api.put("/v1/kv/bolina/gate/bolina/shields", "up");
    await().until(() -> service(plane).at("/gate/orders/error").asText().contains("key:read"));

    api.put(
        "/v1/acl/policy/" + policyId(api),
        "{\"Name\": \"reader\", \"Rules\": \"key_prefix \\\"x\\\" { policy = \\\"read\\\" }\"}");
    await().until(() -> service(plane).at("/registry/health/error").isTextual());
    assertThat(service(plane).at("/registry/health/error").asText()).contains("service:read");
    crowd.arriveOn(60, "b-2", "b-3", "b-4");
    crowd.allStay();

    api.put(
        "/v1/acl/policy/" + policyId(api), "{\"Name\": \"reader\", \"Rules\": \"" + rules + "\"}");
    api.health("b-1", "passing", "");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    await().until(() -> service(plane).at("/registry/health/error").isNull());
  }

  private static String policyId(ConsulApi api) throws IOException {
    return api.get("/v1/acl/policy/name/reader").path("ID").asText();
  }

  @Test
  void without_a_token_where_one_is_needed_it_is_not_ready_and_says_why() throws Exception {
    sandbox.withAcls("6f0c4c0a-0f4e-4d0e-8c0b-1f4f6c1b7a11");
    sandbox.servers("b-1");
    URI url = sandbox.consulFront().url();
    ControlPlane plane =
        sandbox.controlPlane(
            "cp", UnaryOperator.identity(), r -> r.onConsul(url, Optional.empty()));
    await().until(() -> service(plane).at("/registry/health/error").isTextual());
    assertThat(service(plane).at("/registry/health/error").asText()).contains("ACL token");
    assertThat(new AdminPages(plane.admin()).status("/readyz")).isEqualTo(503);
    assertThat(new AdminPages(plane.admin()).text("/readyz"))
        .contains("waiting for the fleet of bolina");
  }

  @Test
  void a_consul_that_has_not_replayed_its_log_yet_takes_nothing_back() throws Exception {
    sandbox.servers("b-1", "b-2");
    Path gate = Files.writeString(sandbox.directory().resolve("gate.yaml"), "bolina: {}\n");
    ControlPlane plane =
        sandbox.controlPlane("cp", c -> c.with(ControlPlaneConfig.GATE_RULES, gate));
    ConsulApi api = sandbox.consul().api();
    api.load(SERVICE, "b-1", 0.6, 7);
    api.put("/v1/kv/bolina/drain/bolina/b-2", "{\"by\": \"ann\"}");
    api.put("/v1/kv/bolina/gate/bolina/shields", "up");
    await()
        .until(
            () ->
                service(plane).at("/gate/shieldsUp").asBoolean()
                    && service(plane).at("/servers/0/load").asDouble() == 0.6
                    && service(plane).at("/servers/1/draining").asBoolean());
    String version = service(plane).at("/version").asText();

    sandbox.consulFront().fail(Fault.REPLAYING, "/v1/kv/");
    await()
        .until(
            () ->
                List.of("/gate/orders/error", "/registry/load/error", "/registry/drainOrders/error")
                    .stream()
                    .allMatch(at -> asked(plane, at).contains("not ready to serve")));
    assertThat(service(plane).at("/gate/shieldsUp").asBoolean()).isTrue();
    assertThat(service(plane).at("/version").asText()).isEqualTo(version);
    sandbox.consulFront().recover();
    await().until(() -> service(plane).at("/gate/orders/error").isNull());
    assertThat(service(plane).at("/gate/shieldsUp").asBoolean()).isTrue();

    // What was really taken back is believed, although that too makes the index go backwards.
    api.deleteKey("bolina/gate/bolina/");
    await().until(() -> !service(plane).at("/gate/shieldsUp").asBoolean());
  }

  private static String asked(ControlPlane plane, String at) {
    try {
      return service(plane).at(at).asText();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Test
  void a_chatty_load_prefix_is_paced_and_health_is_not() throws Exception {
    sandbox.servers("b-1", "b-2");
    URI url = sandbox.consulFront().url();
    long start = System.nanoTime();
    sandbox.controlPlane(
        "cp",
        UnaryOperator.identity(),
        r -> r.onConsul(ConsulSettings.at(url).withWait(Duration.ofSeconds(5))));
    sandbox.envoy("edge");
    for (int i = 0; i < 300; i++) {
      sandbox.consul().api().load(SERVICE, "b-2", 0.1 + i * 0.001, i);
    }
    sandbox.consul().api().health("b-1", "critical", "");
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    int queries = sandbox.consulFront().queries();
    double seconds = (System.nanoTime() - start) / 1e9;
    // Consul answers all three watches of keys with every write. In the long run they ask two a
    // second each, after bursts of two for load, four for orders and twenty for who is gone. Beside
    // them one a second to see whether Consul answers, and those for health: six and a few.
    assertThat(queries).isLessThan((int) (7 * seconds) + 26 + 12);
  }

  @Test
  void closing_leaves_no_query_behind() throws Exception {
    sandbox.servers("b-1");
    URI url = sandbox.consul().url();
    int port = url.getPort();
    Set<String> others = connectionsTo(port);
    AtomicReference<Registry> registry = new AtomicReference<>();
    sandbox.controlPlane(
        "cp",
        UnaryOperator.identity(),
        r -> {
          registry.set(r.onConsul(url, Optional.empty()));
          return registry.get();
        });
    Set<String> queries = new TreeSet<>();
    await("one each for health, load, orders, who is gone, and whether Consul answers")
        .until(
            () -> {
              queries.addAll(connectionsTo(port));
              queries.removeAll(others);
              return queries.size() == 5;
            });
    sandbox.stop("cp");
    registry.get().close();
    await()
        .untilAsserted(() -> assertThat(connectionsTo(port)).doesNotContainAnyElementsOf(queries));
  }

  /** Established connections of this machine to a local port, by their own end's address. */
  private static Set<String> connectionsTo(int port) throws IOException {
    String remote = String.format(":%04X 01 ", port);
    Set<String> connections = new TreeSet<>();
    for (String table : new String[] {"/proc/net/tcp", "/proc/net/tcp6"}) {
      for (String line : Files.readAllLines(Path.of(table))) {
        if (line.contains(remote)) {
          connections.add(line.strip().split(" +", -1)[1]);
        }
      }
    }
    return connections;
  }
}
