package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.registry.fleet.FleetSettings;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.envoy.RealEnvoy;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A machine with its Consul agent and its server dies; the cluster notices by itself (serfHealth).
 */
class LostMachineIT {
  private static final Duration LONG = Patience.LONG;

  @Test
  void its_server_is_closed_and_then_given_up_and_only_its_clients_move() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1", "b-2");
      var stray = sandbox.closed(Sandbox.startServer("stray"));
      RealConsul far =
          sandbox.closed(sandbox.consul().join(sandbox.directory().resolve("far"), "far"));
      far.api().register(SERVICE, "stray", "127.0.0.1", stray.address().getPort());
      sandbox.controlPlane(
          "cp",
          c ->
              c.withFleet(
                  new FleetSettings(
                      Duration.ofMinutes(10), Duration.ofSeconds(3), Duration.ofMinutes(30))));
      RealEnvoy envoy = sandbox.envoy("edge");
      String endpoint = "127.0.0.1:" + stray.address().getPort();
      await().atMost(LONG).until(() -> "HEALTHY".equals(envoy.servers(SERVICE).get(endpoint)));
      Crowd crowd = new Crowd(sandbox);
      crowd.arriveOn(90, "b-1", "b-2", "stray");
      int onStray = crowd.byServer().get("stray");

      long start = System.nanoTime();
      far.kill();
      stray.close();
      await().atMost(LONG).until(() -> !"HEALTHY".equals(envoy.servers(SERVICE).get(endpoint)));
      System.out.printf(
          "closed %.1f s after the machine died%n", (System.nanoTime() - start) / 1e9);
      await().atMost(LONG).until(() -> !envoy.servers(SERVICE).containsKey(endpoint));
      System.out.printf("given up after %.1f s%n", (System.nanoTime() - start) / 1e9);

      assertThat(crowd.clients().talk(Patience.LONG)).isEmpty();
      List<SimulatedClient.Break> breaks = crowd.clients().breaks();
      assertThat(breaks).hasSize(onStray).allMatch(b -> b.from().equals("stray"));
    }
  }
}
