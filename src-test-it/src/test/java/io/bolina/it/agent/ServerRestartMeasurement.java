package io.bolina.it.agent;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.awaitility.Awaitility.await;

import io.bolina.agent.Agent;
import io.bolina.agent.AgentConfig;
import io.bolina.it.Crowd;
import io.bolina.registry.consul.ConsulRegistrar;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.server.StandInServer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The figures of docs/agent.md: what the clients of a server see that is killed and back at the
 * same address after a while, given up by its agent or kept. Not part of the tests; run it with
 * {@code mvn -B verify -Dit.test=ServerRestartMeasurement -Dtest=none
 * -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class ServerRestartMeasurement {
  private static final int[] DOWN_MILLIS = {0, 300, 1_000, 3_000, 10_000};

  @Test
  void clients_of_a_server_that_is_killed_and_back() throws Exception {
    for (boolean agent : new boolean[] {true, false}) {
      for (int down : DOWN_MILLIS) {
        measure(agent, down);
      }
    }
  }

  private static Child serving(Sandbox sandbox, int port) throws Exception {
    return sandbox.closed(
        Child.start(
            "b-1",
            List.of("python3", "-c", AgentGoneIT.SERVER, "b-1", Integer.toString(port)),
            Map.of(),
            sandbox.directory().resolve("b-1.log")));
  }

  private static void measure(boolean withAgent, int downMillis) throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      int port = FreePort.udp();
      Child server = serving(sandbox, port);
      StandInServer other = sandbox.server("b-2");
      if (withAgent) {
        ConsulRegistrar registrar =
            sandbox.closed(new ConsulRegistrar(ConsulSettings.at(sandbox.consul().url())));
        sandbox.closed(
            Agent.start(
                AgentConfig.of(new Server("b-1", SERVICE, "127.0.0.1", port, "", Map.of()))
                    .withListen("127.0.0.1", 0),
                registrar,
                Telemetry.create()));
      } else {
        sandbox.consul().api().register(SERVICE, "b-1", "127.0.0.1", port);
      }
      sandbox.controlPlane("cp");
      RealEnvoy envoy = sandbox.envoy("edge");
      await()
          .until(
              () ->
                  envoy.servers(SERVICE).size() == 2
                      && envoy.servers(SERVICE).values().stream().allMatch("HEALTHY"::equals));
      Crowd crowd = new Crowd(sandbox);
      crowd.arriveOn(60, "b-1", "b-2");
      final int clients = crowd.byServer().get("b-1");
      crowd.clients().keepTalking(Duration.ofMillis(100));
      // An agent that knows nothing but the server's socket must have known it for a second.
      Thread.sleep(2_000);
      Map<SimulatedClient, Long> answered = new HashMap<>();
      Map<SimulatedClient, Long> at = new HashMap<>();
      long start = System.nanoTime();
      server.kill();
      long longest = 0;
      boolean back = false;
      while (System.nanoTime() - start < (downMillis + 5_000) * 1_000_000L) {
        long now = System.nanoTime();
        if (!back && now - start >= downMillis * 1_000_000L) {
          serving(sandbox, port);
          back = true;
        }
        for (SimulatedClient client : crowd.clients().all()) {
          long count = client.answered();
          if (!answered.containsKey(client) || answered.get(client) != count) {
            longest = Math.max(longest, now - at.getOrDefault(client, start));
            answered.put(client, count);
            at.put(client, now);
          }
        }
        Thread.sleep(5);
      }
      crowd.clients().rest();
      long moved = crowd.clients().breaks().stream().filter(b -> b.moved()).count();
      System.out.printf(
          "down %5d ms, %s: %d clients, longest without an answer %4d ms, moved %d, of the other"
              + " server's %d%n",
          downMillis,
          withAgent ? "with an agent   " : "kept in any case",
          clients,
          longest / 1_000_000,
          moved,
          crowd.clients().breaks().stream().filter(b -> b.from().equals("b-2")).count());
      other.close();
    }
  }
}
