package io.bolina.it.quic;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.it.Patience;
import io.bolina.it.quic.QuicPeer.Stack;
import io.bolina.registry.ServerToken;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Nat;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Downloads over real QUIC (quic-go and quinn, each as server and as client of the other; real TLS;
 * every byte is checked) through a real Envoy. No connection may be lost by anything but its
 * server's end. More of them by {@code -Dbolina.quic.connections=200}.
 */
class QuicIT {
  private static final int CONNECTIONS = Integer.getInteger("bolina.quic.connections", 24);
  private static final String KEY = "8f95f09245765f80256934e50c66207f";

  /** Servers with quic-go make plain ids, those with quinn encrypted ones. */
  private static final Map<String, Stack> SERVERS = new LinkedHashMap<>();

  static {
    SERVERS.put("b-1", Stack.QUIC_GO);
    SERVERS.put("b-2", Stack.QUINN);
    SERVERS.put("b-3", Stack.QUIC_GO);
    SERVERS.put("b-4", Stack.QUINN);
  }

  private Sandbox sandbox;
  private ConsulApi consul;
  private Path rules;
  private Nat nat;
  private final List<QuicPeer> clients = new ArrayList<>();
  private int secondPort;

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox();
    consul = sandbox.consul().api();
    secondPort = FreePort.udp();
    QuicPeer.certificate(sandbox.directory());
    Path key = Files.writeString(sandbox.directory().resolve("key"), KEY);
    rules =
        Files.writeString(
            sandbox.directory().resolve("gate.yaml"),
            """
            bolina:
              quic-lb:
              - {codepoint: 0, server-id-length: 8, nonce-length: 4}
              - {codepoint: 1, server-id-length: 8, nonce-length: 8, key-file: %s}
            """
                .formatted(key));
    for (Map.Entry<String, Stack> server : SERVERS.entrySet()) {
      String id = server.getKey();
      InetSocketAddress at = new HostPort("127.0.0.1", FreePort.udp()).socketAddress();
      List<String> ids = new ArrayList<>(List.of("--server-id", serverId(id)));
      if (server.getValue() == Stack.QUINN) {
        ids.addAll(List.of("--codepoint", "1", "--nonce-length", "8", "--cid-key", KEY));
      }
      sandbox.closed(
          QuicPeer.server(server.getValue(), sandbox.directory(), at, ids.toArray(String[]::new)));
      consul.register(SERVICE, id, at.getHostString(), at.getPort());
    }
    nat = sandbox.closed(new Nat(sandbox.front().socketAddress()));
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private static String serverId(String id) {
    return ServerToken.derivedFrom(id).substring(0, 16);
  }

  private ControlPlane controlPlane(String name, int port, Duration linger) throws IOException {
    UnaryOperator<ControlPlaneConfig> settings =
        c ->
            c.withServices(List.of(new UdpService(SERVICE, "127.0.0.1", port)))
                .with(ControlPlaneConfig.GATE_RULES, rules)
                .withFleet(
                    new FleetSettings(linger, Duration.ofMinutes(10), Duration.ofMinutes(30)));
    return sandbox.controlPlane(name, settings);
  }

  @Test
  void no_connection_is_lost_but_by_its_servers_end() throws Exception {
    int port = sandbox.front().port();
    ControlPlane plane = controlPlane("cp", port, Duration.ofMinutes(10));
    RealEnvoy envoy = envoy("edge", plane, Protocol.INCREMENTAL);
    // Another Envoy beside it, on another port.
    ControlPlane other = controlPlane("cp-2", secondPort, Duration.ofMinutes(10));
    envoy("second", other, Protocol.STATE_OF_THE_WORLD);
    for (Stack stack : Stack.values()) {
      List<InetSocketAddress> doors = new ArrayList<>();
      for (int i = 0; i < CONNECTIONS / 2; i++) {
        doors.add(nat.door());
      }
      clients.add(sandbox.closed(QuicPeer.clients(stack, sandbox.directory(), doors)));
    }
    goOn("connected");
    assertThat(perServer()).as("connections of each server").hasSize(4);

    consul.health("b-1", "critical", "disk is failing");
    consul.load(SERVICE, "b-2", 0.95, 10);
    consul.maintenance("b-3", true);
    for (String closed : List.of("b-1", "b-2", "b-3")) {
      awaitClosed(closed);
    }
    goOn("one critical, one overloaded, one draining");
    nat.changePorts();
    goOn("ports changed");
    nat.changeAddresses();
    goOn("addresses changed");
    for (QuicPeer some : clients) {
      some.rebind();
    }
    goOn("clients migrated");
    consul.deregister("b-3");
    await().until(() -> sandbox.fleet("cp").toString().contains("vanished"));
    envoy.close();
    envoy = envoy("edge", plane, Protocol.INCREMENTAL);
    goOn("one vanished, Envoy killed and restarted");

    nat.leadTo(new HostPort("127.0.0.1", secondPort).socketAddress());
    goOn("led to another Envoy");
    nat.leadTo(sandbox.front().socketAddress());
    nat.changePorts();
    goOn("and back");

    sandbox.consul().kill();
    sandbox.stop("cp");
    controlPlane("cp", port, Duration.ofMinutes(10));
    await().until(() -> !sandbox.fleet("cp").path("envoys").isEmpty());
    nat.changeAddresses();
    goOn("control plane restarted without Consul");
    assertThat(envoy.stat("bolina_gate.bolina.token_to_closed")).isPositive();

    sandbox.consul().start();
    await().until(() -> sandbox.fleet("cp").at("/services/0/registry/health/error").isNull());
    givenUp(port);
  }

  /** A server that is given up loses its connections, and nobody else loses one. */
  private void givenUp(int port) throws Exception {
    int before = perServer().getOrDefault(serverId("b-3"), 0);
    sandbox.stop("cp");
    controlPlane("cp", port, Duration.ofSeconds(1));
    await().until(() -> !sandbox.fleet("cp").at("/services/0/servers").toString().contains("b-3"));
    sandbox.awaitAcknowledged("cp");
    nat.changePorts();
    await("the connections of a server that was given up end")
        .atMost(Patience.LONG)
        .until(() -> lost() == before);
    for (QuicPeer some : clients) {
      JsonNode status = some.status();
      some.connect(nat.door());
      int late = status.path("servers").size();
      await().until(() -> some.status().at("/progress/" + late).asLong() > 1);
      // b-1 is critical, b-2 overloaded and b-3 gone.
      assertThat(some.status().at("/servers/" + late).asText()).isEqualTo(serverId("b-4"));
    }
    assertThat(lost()).isEqualTo(before).isPositive();
    System.out.printf(
        "quic: a server given up: its %d lost, no other; new ones go elsewhere%n", before);
  }

  private int lost() throws IOException {
    int lost = 0;
    for (QuicPeer some : clients) {
      lost += some.status().path("lost").asInt();
    }
    return lost;
  }

  private RealEnvoy envoy(String nodeId, ControlPlane of, Protocol protocol) throws IOException {
    RealEnvoy envoy =
        sandbox.closed(
            RealEnvoy.start(
                RealPart.ENVOY.installed(),
                sandbox.directory(),
                nodeId,
                List.of(of.xds()),
                protocol,
                Optional.of(GateModule.neededFolder()),
                true));
    await().until(() -> envoy.stat("listener_manager.total_listeners_active") == 1);
    return envoy;
  }

  private void awaitClosed(String id) {
    await()
        .until(
            () -> {
              for (JsonNode server : sandbox.fleet("cp").at("/services/0/servers")) {
                if (server.path("id").asText().equals(id)) {
                  return !server.path("open").asBoolean();
                }
              }
              return false;
            });
    sandbox.awaitAcknowledged("cp");
  }

  /** Every connection goes on and none is lost. */
  private void goOn(String after) throws IOException {
    for (QuicPeer some : clients) {
      JsonNode before = some.status();
      await(after)
          .atMost(Patience.LONG)
          .untilAsserted(
              () -> {
                JsonNode now = some.status();
                assertThat(now.path("lost").asInt()).as("%s: %s", after, now).isZero();
                for (int i = 0; i < now.path("received").size(); i++) {
                  // More than what may have been on its way: two downloads.
                  assertThat(now.at("/received/" + i).asLong())
                      .as("%s: connection %s, %s", after, i, now)
                      .isGreaterThan(before.at("/received/" + i).asLong() + 40_000);
                }
              });
    }
    System.out.printf("quic: %d connections, %s: 0 lost%n", CONNECTIONS, after);
  }

  private Map<String, Integer> perServer() throws IOException {
    Map<String, Integer> count = new LinkedHashMap<>();
    for (QuicPeer some : clients) {
      some.status().path("servers").forEach(id -> count.merge(id.asText(), 1, Integer::sum));
    }
    return count;
  }
}
