package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.RealPart;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** A control plane that hangs is left at once, and a slow one is not. */
class KeepAliveIT {
  private static boolean hasEnvoy(BolinaProcess plane) throws Exception {
    return !plane.admin().json("/fleet").path("envoys").isEmpty();
  }

  @Test
  void envoys_are_on_all_replicas_and_leave_one_that_hangs() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1", "b-2");
      BolinaProcess one = sandbox.controlPlaneProcess("cp-1");
      BolinaProcess two = sandbox.controlPlaneProcess("cp-2");
      for (BolinaProcess plane : List.of(one, two)) {
        await().ignoreExceptions().until(() -> plane.admin().status("/readyz") == 200);
      }
      // Which one an Envoy begins with is chance.
      for (int i = 0; i < 20 && !(hasEnvoy(one) && hasEnvoy(two)); i++) {
        sandbox.envoy("edge-" + i);
        await().until(() -> hasEnvoy(one) || hasEnvoy(two));
      }
      assertThat(hasEnvoy(one) && hasEnvoy(two)).as("Envoys on both").isTrue();

      one.child().signal("STOP");
      long stopped = System.nanoTime();
      sandbox.consul().api().health("b-1", "critical", "");
      sandbox.awaitEnvoys("b-1", "DEGRADED");
      Duration blind = Duration.ofNanos(System.nanoTime() - stopped);
      System.out.println("a control plane hangs: its Envoys are blind for " + blind);
      assertThat(blind).isLessThan(Duration.ofSeconds(20)); // on a busy machine; 30 s is the old
      one.child().signal("CONT");
    }
  }

  @Test
  void a_large_fleet_over_a_slow_link_ends_no_stream() throws Exception {
    int servers = 4_000;
    try (Sandbox sandbox = new Sandbox()) {
      ControlPlane plane =
          sandbox.controlPlane(
              "cp",
              UnaryOperator.identity(),
              r -> {
                InMemoryRegistry registry = r.inMemory();
                for (int i = 0; i < servers; i++) {
                  registry.register(
                      new Server("b-" + i, SERVICE, "127.0.0.1", 10_000 + i, "", Map.of()),
                      Health.PASSING);
                }
                return registry;
              });
      await().until(plane::ready);
      try (SlowLink link = new SlowLink(plane.xds(), 60_000);
          SlowLink other = new SlowLink(plane.xds(), 60_000)) {
        RealEnvoy envoy =
            sandbox.closed(
                RealEnvoy.start(
                    RealPart.ENVOY.installed(),
                    sandbox.directory(),
                    "edge",
                    List.of(link.address()),
                    Protocol.INCREMENTAL,
                    Optional.empty()));
        // One that sends no PINGs, as a bootstrap of an older release has it for half a minute.
        try (XdsClient silent = new XdsClient(other.address())) {
          assertThat(silent.members(EnvoyResources.collectionPrefix(SERVICE, "a") + "*"))
              .hasSize(servers);
        }
        await().until(() -> envoy.servers(SERVICE).size() == servers);
        assertThat(envoy.stat("cluster.bolina-control-plane.upstream_cx_total")).isEqualTo(1);
        assertThat(link.connections()).isEqualTo(1);
        assertThat(other.connections()).isEqualTo(1);
      }
    }
  }
}
