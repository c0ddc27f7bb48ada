package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.envoy.RealEnvoy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is said of servers that have ended, and what dead servers leave behind in Consul. */
class GoneIT {
  private Sandbox sandbox;
  private ConsulApi consul;
  private RealEnvoy envoy;

  @BeforeEach
  void servers() throws Exception {
    sandbox = new Sandbox();
    sandbox.servers("b-1", "b-2", "b-3", "b-4");
    consul = sandbox.consul().api();
    sandbox.controlPlane("cp");
    envoy = sandbox.envoy("edge");
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private void sayGone(String id, String address) throws IOException {
    consul.put(
        "/v1/kv/bolina/gone/" + SERVICE + "/" + id,
        "{\"address\": \"" + address + "\", \"by\": \"ann\", \"reason\": \"killed\"}");
  }

  private boolean has(String endpoint) throws IOException {
    return envoy.servers(SERVICE).containsKey(endpoint);
  }

  private JsonNode shown(String id) throws IOException {
    return StreamSupport.stream(sandbox.fleet("cp").at("/services/0/servers").spliterator(), false)
        .filter(s -> s.path("id").asText().equals(id))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void the_clients_of_a_server_that_has_ended_are_served_again_and_no_others_move()
      throws Exception {
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(120, "b-1", "b-2", "b-3", "b-4");
    int onDead = crowd.byServer().get("b-1");
    consul.health("b-2", "critical", "disk is failing");
    sandbox.awaitEnvoys("b-2", "DEGRADED");

    // It is dead, and nobody knows.
    String endpoint = sandbox.endpoint("b-1");
    sandbox.running("b-1").close();
    consul.health("b-1", "critical", "no answer");
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    assertThat(crowd.clients().talk(Duration.ofSeconds(1))).hasSizeGreaterThanOrEqualTo(onDead);

    long start = System.nanoTime();
    sayGone("b-1", endpoint);
    await().atMost(Patience.LONG).until(() -> !has(endpoint));
    System.out.printf("given up %.0f ms after it was said%n", (System.nanoTime() - start) / 1e6);
    assertThat(crowd.clients().talk(Patience.LONG)).isEmpty();
    List<SimulatedClient.Break> breaks = crowd.clients().breaks();
    assertThat(breaks)
        .hasSize(onDead)
        .allMatch(b -> b.from().equals("b-1"))
        .noneMatch(b -> b.to().equals("b-2"));
    assertThat(shown("b-1").path("reason").asText())
        .isEqualTo("gone: killed (said by ann); clients are moved");

    // Another process of the same id at the same address is alive whatever is said of the last one.
    consul.put(
        "/v1/kv/bolina/gone/" + SERVICE + "/b-1",
        "{\"address\": \"" + endpoint + "\", \"incarnation\": \"first\"}");
    consul.health("b-1", "passing", "");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    assertThat(Clients.byServer(crowd.clients().all())).doesNotContainKey("b-1");
  }

  @Test
  void one_that_is_deregistered_on_purpose_does_not_linger() throws Exception {
    String endpoint = sandbox.endpoint("b-3");
    consul.deregister("b-3");
    sandbox.awaitEnvoys("b-3", "DEGRADED");
    sayGone("b-3", endpoint);
    await().atMost(Patience.LONG).until(() -> !has(endpoint));
  }

  @Test
  void a_whole_fleet_that_is_said_to_be_gone_is_not_given_up() throws Exception {
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(80, "b-1", "b-2", "b-3", "b-4");
    StringBuilder all = new StringBuilder();
    for (String id : List.of("b-1", "b-2", "b-3", "b-4")) {
      String entry = "{\"address\": \"" + sandbox.endpoint(id) + "\"}";
      all.append(all.isEmpty() ? "[" : ",")
          .append("{\"KV\": {\"Verb\": \"set\", \"Key\": \"bolina/gone/")
          .append(SERVICE + "/" + id)
          .append("\", \"Value\": \"")
          .append(Base64.getEncoder().encodeToString(entry.getBytes(StandardCharsets.UTF_8)))
          .append("\"}}");
    }
    consul.put("/v1/txn", all + "]");
    await()
        .atMost(Patience.LONG)
        .until(
            () ->
                sandbox
                    .meters("cp")
                    .scrape()
                    .contains("bolina_fleet_gone_held{service=\"bolina\"} 1"));
    crowd.arriveOn(80, "b-1", "b-2", "b-3", "b-4");
    crowd.allStay();
    // Envoy would use closed servers too, if all were.
    assertThat(envoy.servers(SERVICE))
        .hasSize(4)
        .allSatisfy((at, health) -> assertThat(health).isEqualTo("HEALTHY"));
    assertThat(sandbox.fleet("cp").at("/services/0/registry/goneReportsHeld").asText())
        .startsWith("4 of 4 servers are reported gone");
    for (String id : List.of("b-1", "b-2", "b-3")) {
      consul.deleteKey("bolina/gone/" + SERVICE + "/" + id);
    }
    await().atMost(Patience.LONG).until(() -> !has(sandbox.endpoint("b-4")));
    sandbox.awaitEnvoys("b-1", "HEALTHY");
  }

  @Test
  void a_ghost_at_its_address_does_not_close_a_server_and_is_named() throws Exception {
    var address = sandbox.running("b-1").address();
    // The dead one was there before.
    consul.deregister("b-1");
    consul.register(SERVICE, "ghost", address.getHostString(), address.getPort());
    consul.health("ghost", "critical", "dead");
    consul.register(SERVICE, "b-1", address.getHostString(), address.getPort());
    await()
        .atMost(Patience.LONG)
        .ignoreExceptions()
        .until(() -> shown("b-1").at("/othersHere/0").asText().equals("ghost"));
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    assertThat(sandbox.meters("cp").scrape())
        .contains("bolina_fleet_contested_endpoints{service=\"bolina\"} 1");
  }

  @Test
  void of_two_servers_of_one_id_neither_is_closed_by_the_entries_of_the_other() throws Exception {
    var second = sandbox.closed(Sandbox.startServer("second"));
    // Its node is another one: ids are unique on a node only.
    consul.put(
        "/v1/catalog/register",
        "{\"Node\": \"elsewhere\", \"Address\": \"127.0.0.1\", \"Service\": {\"ID\": \"b-1\", \"Service\": \""
            + SERVICE
            + "\", \"Address\": \"127.0.0.1\", \"Port\": "
            + second.address().getPort()
            + "}}");
    String other = "127.0.0.1:" + second.address().getPort();
    await().atMost(Patience.LONG).until(() -> "HEALTHY".equals(envoy.servers(SERVICE).get(other)));
    consul.load(SERVICE, "b-1", 0.99, 10);
    consul.put("/v1/kv/bolina/drain/" + SERVICE + "/b-1", "{\"by\": \"ann\"}");
    consul.load(SERVICE, "b-2", 0.99, 10);
    sandbox.awaitEnvoys("b-2", "DEGRADED");
    consul.put("/v1/kv/bolina/drain/" + SERVICE + "/b-3", "{\"by\": \"ann\"}");
    sandbox.awaitEnvoys("b-3", "DEGRADED");
    assertThat(envoy.servers(SERVICE))
        .contains(Map.entry(other, "HEALTHY"), Map.entry(sandbox.endpoint("b-1"), "HEALTHY"));
    assertThat(sandbox.meters("cp").scrape())
        .contains("bolina_fleet_duplicate_ids{service=\"bolina\"} 1")
        .contains("bolina_bad_input_total{kind=\"duplicate-server-id\"}");
  }
}
