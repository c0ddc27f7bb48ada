package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.resources.ActiveHealthCheck;
import io.bolina.controlplane.resources.ClientHash;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.server.StandInServer;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The options of a service, on the real Envoy; and what its listener drops. */
class ServiceOptionsIT {
  private static final String[] SERVERS = {"b-1", "b-2", "b-3"};

  /** A socket of one client, of which many share an address. */
  private record Behind(DatagramSocket socket) implements AutoCloseable {
    static Behind address(String source, HostPort front) throws Exception {
      DatagramSocket socket = new DatagramSocket(0, InetAddress.getByName(source));
      socket.connect(front.socketAddress());
      socket.setSoTimeout(500);
      return new Behind(socket);
    }

    /** The server that answers. */
    String server() {
      return await()
          .ignoreExceptions()
          .until(
              () -> {
                byte[] hello = "hello".getBytes(StandardCharsets.UTF_8);
                socket.send(new DatagramPacket(hello, hello.length));
                DatagramPacket answer = new DatagramPacket(new byte[200], 200);
                socket.receive(answer);
                return new String(answer.getData(), 0, answer.getLength(), StandardCharsets.UTF_8)
                    .split(" ", 2)[0];
              },
              server -> !server.isEmpty());
    }

    @Override
    public void close() {
      socket.close();
    }
  }

  private static ServerSocket checkable(StandInServer server) throws Exception {
    ServerSocket socket = new ServerSocket();
    socket.bind(server.address());
    return socket;
  }

  private static boolean fails(RealEnvoy envoy, String endpoint) throws Exception {
    return envoy
        .admin()
        .text("/clusters")
        .lines()
        .anyMatch(
            line ->
                line.startsWith(SERVICE + "::" + endpoint + "::health_flags::")
                    && line.contains("failed_active_hc"));
  }

  @Test
  void a_check_moves_clients_of_a_dead_server_and_of_no_other() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      Map<String, ServerSocket> tcp = new TreeMap<>();
      for (String id : SERVERS) {
        tcp.put(id, sandbox.closed(checkable(sandbox.server(id))));
      }
      UdpService checked =
          sandbox.service().with(ActiveHealthCheck.parse("tcp,interval=500ms,timeout=2s"));
      UnaryOperator<ControlPlaneConfig> settings =
          c ->
              c.withServices(List.of(checked))
                  .withFleet(
                      new FleetSettings(
                          Duration.ofSeconds(1), Duration.ofMinutes(1), Duration.ofMinutes(30)));
      sandbox.controlPlane("cp", settings);
      RealEnvoy envoy = sandbox.envoy("edge");
      Crowd crowd = new Crowd(sandbox);
      crowd.arriveOn(90, SERVERS);

      // Closed and alive: a few more checks pass, and nothing changes for its clients.
      sandbox.consul().api().health("b-1", "critical", "");
      sandbox.awaitEnvoys("b-1", "DEGRADED");
      long before = envoy.stat("cluster." + SERVICE + ".health_check.success");
      await().until(() -> envoy.stat("cluster." + SERVICE + ".health_check.success") > before + 12);
      crowd.arriveOn(60, "b-2", "b-3");
      crowd.allStay();
      sandbox.stop("cp");
      sandbox.controlPlane("cp", settings);
      sandbox.awaitAcknowledged("cp");
      crowd.allStay();

      // Dead: its clients, on the sockets they have, are answered by others.
      List<SimulatedClient> orphans =
          crowd.clients().all().stream()
              .filter(client -> client.server().orElse("").equals("b-1"))
              .toList();
      List<SimulatedClient> others = new ArrayList<>(crowd.clients().all());
      others.removeAll(orphans);
      assertThat(orphans).isNotEmpty();
      sandbox.running("b-1").close();
      tcp.get("b-1").close();
      await().until(() -> fails(envoy, sandbox.endpoint("b-1")));
      assertThat(crowd.clients().talk(crowd.clients().all(), Patience.LONG)).isEmpty();
      assertThat(Clients.byServer(orphans).keySet()).isSubsetOf("b-2", "b-3");
      assertThat(others).allSatisfy(client -> assertThat(client.breaks()).isEmpty());

      // Given up by the control plane while it passes the check: gone from Envoy all the same.
      sandbox.consul().api().deregister("b-3");
      sandbox.awaitEnvoys("b-3", null);
    }
  }

  @Test
  void without_a_hash_clients_behind_one_address_are_spread_and_stay() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers(SERVERS);
      UdpService hashed = new UdpService("hashed", sandbox.front().host(), FreePort.udp());
      for (String id : SERVERS) {
        var at = sandbox.running(id).address();
        sandbox.consul().api().register("hashed", id + "-h", at.getHostString(), at.getPort());
      }
      var plane =
          sandbox.controlPlane(
              "cp", c -> c.withServices(List.of(sandbox.service().with(ClientHash.NONE), hashed)));
      RealEnvoy envoy = sandbox.envoy("edge");
      await().until(() -> envoy.stat("listener_manager.total_listeners_active") >= 2);

      List<Behind> one = new ArrayList<>();
      Map<Behind, String> is = new HashMap<>();
      Set<String> byAddress = new HashSet<>();
      for (int i = 0; i < 40; i++) {
        Behind client = sandbox.closed(Behind.address("127.0.0.9", sandbox.front()));
        one.add(client);
        is.put(client, client.server());
        byAddress.add(sandbox.closed(Behind.address("127.0.0.9", hashed.listen())).server());
      }
      assertThat(byAddress).as("servers of 40 clients behind one address, by source IP").hasSize(1);
      assertThat(Set.copyOf(is.values())).containsExactlyInAnyOrder(SERVERS);

      sandbox.consul().api().health("b-1", "critical", "");
      sandbox.awaitEnvoys("b-1", "DEGRADED");
      for (int i = 0; i < 30; i++) {
        assertThat(sandbox.closed(Behind.address("127.0.0.9", sandbox.front())).server())
            .isNotEqualTo("b-1");
      }
      assertThat(one).allSatisfy(client -> assertThat(client.server()).isEqualTo(is.get(client)));

      // The skew is that of what servers report.
      sandbox.consul().api().load(SERVICE, "b-2", 0.1, 90);
      sandbox.consul().api().load(SERVICE, "b-3", 0.1, 10);
      AdminPages pages = new AdminPages(plane.admin());
      await()
          .until(
              () ->
                  pages
                      .text("/metrics")
                      .contains("bolina_fleet_session_skew{service=\"" + SERVICE + "\"} 1.8"));
    }
  }

  @Test
  void datagrams_above_the_size_are_counted_where_the_alert_looks() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1");
      sandbox.controlPlane("cp");
      RealEnvoy envoy = sandbox.envoy("edge");
      Behind client = sandbox.closed(Behind.address("127.0.0.9", sandbox.front()));
      assertThat(client.server()).isEqualTo("b-1");
      client.socket().send(new DatagramPacket(new byte[1_501], 1_501));
      await()
          .until(() -> prometheus(envoy, "envoy_listener_udp_downstream_rx_datagram_dropped") == 1);
      // 1,500 bytes pass, and so does the server's answer, though it is longer.
      client.socket().send(new DatagramPacket(new byte[1_500], 1_500));
      DatagramPacket answer = new DatagramPacket(new byte[2_000], 2_000);
      client.socket().setSoTimeout((int) Patience.LONG.toMillis());
      do {
        client.socket().receive(answer);
      } while (answer.getLength() < 1_000); // late answers to hello
      assertThat(answer.getLength()).isGreaterThan(1_500);
      assertThat(prometheus(envoy, "envoy_listener_udp_downstream_rx_datagram_dropped")).isOne();
    }
  }

  @Test
  void merged_datagrams_are_taken_apart_where_the_service_asks_for_it() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1");
      sandbox.controlPlane(
          "cp", c -> c.withServices(List.of(sandbox.service().withPreferGro(true))));
      RealEnvoy envoy = sandbox.envoy("edge");
      assertThat(MergedDatagrams.answered(sandbox.front())).isGreaterThanOrEqualTo(10);
      assertThat(prometheus(envoy, "envoy_listener_udp_downstream_rx_datagram_dropped")).isZero();
    }
  }

  /** The sum of a metric, as Prometheus reads it. */
  private static long prometheus(RealEnvoy envoy, String name) throws Exception {
    return envoy
        .admin()
        .text("/stats/prometheus")
        .lines()
        .filter(line -> line.startsWith(name + "{"))
        .mapToLong(line -> Long.parseLong(line.substring(line.lastIndexOf(' ') + 1)))
        .sum();
  }
}
