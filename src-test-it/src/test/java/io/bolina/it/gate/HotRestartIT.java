package io.bolina.it.gate;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.it.Patience;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.envoy.SupervisedEnvoy;
import io.bolina.sandbox.process.Command;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A real Envoy that is replaced by another while its clients talk (docs/hot-restart.md). */
class HotRestartIT {
  private static final int CLIENTS = 200;
  private static final Duration HAND_OVER = Duration.ofSeconds(4);

  private GateSandbox gate;
  private ConsulApi consul;
  private SupervisedEnvoy envoy;
  private Clients clients;

  @BeforeEach
  void start() throws Exception {
    gate = new GateSandbox();
    consul = gate.sandbox().consul().api();
    for (String id : List.of("b-1", "b-2", "b-3", "b-4")) {
      gate.sandbox().server(id);
      InetSocketAddress at = gate.sandbox().running(id).address();
      consul.put(
          "/v1/agent/service/register",
          """
          {"ID": "%s", "Name": "%s", "Address": "%s", "Port": %d, "Meta": {"bolina-token": "%s"},
           "Check": {"CheckID": "service:%s", "TTL": "10m", "Status": "passing"}}
          """
              .formatted(
                  id,
                  SERVICE,
                  at.getHostString(),
                  at.getPort(),
                  HexFormat.of().formatHex(token(id).getBytes(StandardCharsets.UTF_8)),
                  id));
    }
    ControlPlane plane = gate.controlPlane("bolina: {token: {offset: -4, length: 4}}\n");
    envoy =
        gate.sandbox()
            .closed(
                SupervisedEnvoy.start(
                    gate.sandbox().directory(),
                    "edge",
                    List.of(plane.xds()),
                    1_000 + 2 * ThreadLocalRandom.current().nextInt(100_000),
                    HAND_OVER));
    await()
        .ignoreExceptions()
        .until(() -> envoy.stat("listener_manager.total_listeners_active") == 1);
    clients = gate.sandbox().clients();
    clients.arrive(CLIENTS);
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    assertThat(Clients.byServer(clients.all())).hasSize(4);
    clients.nameServers(HotRestartIT::token);
    assertThat(clients.talk(Patience.LONG)).isEmpty();
  }

  @AfterEach
  void close() {
    gate.close();
  }

  /** Four letters, so that they can stand in a text. */
  private static String token(String id) {
    return "tok" + id.charAt(2);
  }

  @Test
  void no_client_is_moved_or_unanswered_though_servers_are_ill_and_the_shields_up()
      throws Exception {
    consul.health("b-1", "critical", "disk is failing");
    consul.load(SERVICE, "b-2", 0.95, 50);
    consul.put("/v1/kv/bolina/gate/" + SERVICE + "/shields", "up");
    await().until(() -> gate.fleet().at("/services/0/gate/shieldsUp").asBoolean());
    gate.sandbox().awaitAcknowledged("cp");
    clients.keepTalking(Duration.ofMillis(200));

    long sent = clients.sentByAll();
    for (int epoch = 1; epoch <= 2; epoch++) {
      Command.Ended reload = envoy.reload();
      assertThat(reload.out()).contains("ready: epoch " + epoch);
      assertThat(reload.status()).isZero();
      int now = epoch;
      await()
          .untilAsserted(
              () -> {
                assertThat(shown(now).path("handingOver").asBoolean()).isFalse();
                assertThat(shown(now).path("tokens").asText()).isEqualTo("on");
                assertThat(shown(now - 1).path("handingOver").asBoolean()).isTrue();
              });
      await("the one before has ended").until(() -> shown(now - 1).isMissingNode());
    }
    long until = clients.sentByAll() + 2 * CLIENTS;
    await().until(() -> clients.sentByAll() >= until);
    clients.rest();
    long all = clients.sentByAll() - sent;
    nobodyMoved();
    long lost = clients.losses().stream().mapToLong(SimulatedClient.Loss::datagrams).sum();
    System.out.printf(
        "hot restart: 2 restarts, %d clients, two of four servers closed, shields up: 0 moved, %d of %d datagrams lost%n",
        CLIENTS, lost, all);
    // What is on its way to a client at the moment in which the old one ends.
    assertThat(lost).isLessThanOrEqualTo(1 + all / 500);

    Clients strangers = gate.sandbox().clientsFrom(5_000);
    List<SimulatedClient> late = strangers.arrive(10);
    strangers.talk(late, Duration.ZERO);
    await().until(() -> envoy.stat("bolina_gate.bolina.rejected_shields") >= 10);
    assertThat(Clients.byServer(late)).isEmpty();
    assertThat(log(gate.sandbox().directory() + "/edge.log"))
        .doesNotContain("not known to the next");
  }

  @Test
  void one_that_cannot_start_or_is_killed_leaves_clients_where_they_are() throws Exception {
    consul.health("b-1", "critical", "disk is failing");
    gate.sandbox().awaitAcknowledged("cp");
    String good = Files.readString(envoy.bootstrap());
    Files.writeString(envoy.bootstrap(), good.replace("node:", "nodes:"));
    Command.Ended invalid = envoy.reload();
    assertThat(invalid.status()).isEqualTo(1);
    assertThat(invalid.out()).contains("failed: its configuration is invalid");
    // Valid, and yet it cannot start: what stands in the way of all later ones is removed.
    Files.writeString(
        envoy.bootstrap(),
        good.replaceFirst("port_value: \\d+", "port_value: 1")
            .replaceFirst("127.0.0.1", "192.0.2.1"));
    Command.Ended failed = envoy.reload();
    assertThat(failed.out()).contains("failed: the new one ended with 1");
    Files.writeString(envoy.bootstrap(), good);
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    nobodyMoved();
    assertThat(envoy.reload().out()).contains("ready: epoch 1");
    assertThat(clients.talk(Patience.LONG)).isEmpty();

    // The new one is killed while the old one hands over to it.
    long newest = Long.parseLong(pidOfEpoch(1));
    Command.of("kill", "-KILL", Long.toString(newest)).run();
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    nobodyMoved();
    assertThat(log(gate.sandbox().directory() + "/edge.log")).contains("starting afresh");
    await().untilAsserted(() -> assertThat(shown(0).path("tokens").asText()).isEqualTo("on"));
    assertThat(envoy.reload().out()).contains("ready: epoch 1");
    assertThat(clients.talk(Patience.LONG)).isEmpty();
    nobodyMoved();
  }

  @Test
  void it_is_restarted_when_a_file_that_it_watches_is_replaced() throws Exception {
    Path watched = gate.sandbox().directory().resolve(SupervisedEnvoy.WATCHED);
    Path other = Files.writeString(watched.resolveSibling("other"), "another module, say");
    Files.move(other, watched, StandardCopyOption.REPLACE_EXISTING);
    await().untilAsserted(() -> assertThat(shown(1).path("tokens").asText()).isEqualTo("on"));
    nobodyMoved();
    await("the one before has ended").until(() -> shown(0).isMissingNode());
    nobodyMoved();
  }

  private void nobodyMoved() throws Exception {
    assertThat(clients.talk(Patience.LONG)).as("clients that are not answered").isEmpty();
    // Their Envoy's ports change with it, which a server that goes by connection ids does not mind.
    assertThat(clients.breaks().stream().filter(SimulatedClient.Break::moved)).isEmpty();
  }

  /** The Envoy of an epoch as /fleet shows it. */
  private JsonNode shown(int epoch) throws IOException {
    for (JsonNode one : gate.fleet().path("envoys")) {
      if (one.path("restartEpoch").asInt(-1) == epoch) {
        return one;
      }
    }
    return MissingNode.getInstance();
  }

  private String pidOfEpoch(int epoch) throws IOException {
    return Command.of(
            "pgrep",
            "--parent",
            Long.toString(envoy.supervisor().pid()),
            "--full",
            "--",
            "--restart-epoch " + epoch + " ")
        .run()
        .strip();
  }

  private static String log(String file) throws IOException {
    return Files.readString(Path.of(file), StandardCharsets.ISO_8859_1);
  }
}
