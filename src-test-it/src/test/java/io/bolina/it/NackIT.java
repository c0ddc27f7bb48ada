package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import java.net.DatagramSocket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A configuration that Envoy rejects: reported with Envoy's reason, not sent in a loop, and taken
 * once Envoy can.
 */
class NackIT {
  /** An address for documentation (RFC 5737), which no machine can listen on. */
  private static final UdpService NOWHERE = new UdpService(SERVICE, "192.0.2.1", 10_000);

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void a_rejected_listener_is_reported_and_makes_no_storm(Protocol protocol) throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1", "b-2");
      ControlPlane plane = sandbox.controlPlane("cp", c -> c.withServices(List.of(NOWHERE)));
      RealEnvoy envoy = sandbox.envoyStarting("edge", protocol);
      AdminPages admin = new AdminPages(plane.admin());
      await()
          .until(() -> admin.json("/fleet").at("/envoys/0/types/LDS/rejected/reason").isTextual());
      assertThat(admin.json("/fleet").at("/envoys/0/types/LDS/rejected/reason").asText())
          .contains("192.0.2.1");
      assertThat(sandbox.meters("cp").scrape())
          .contains("bolina_xds_nacks_total{type=\"LDS\"} 1.0");

      // Everything else goes on, change after change, and the listener is not sent with it.
      long started = System.nanoTime();
      for (String health :
          new String[] {"critical", "passing", "critical", "passing", "critical"}) {
        sandbox.consul().api().health("b-1", health, "");
        sandbox.awaitEnvoys("b-1", health.equals("critical") ? "DEGRADED" : "HEALTHY");
      }
      // It is offered again after 10 s and twice that.
      double most = Duration.ofNanos(System.nanoTime() - started).toMillis() / 10_000.0 + 2;
      assertThat(sandbox.meters("cp").counter("bolina.xds.responses", "type", "LDS").count())
          .isLessThanOrEqualTo(most);
      assertThat(envoy.isAlive()).isTrue();
    }
  }

  @Test
  void a_listener_whose_port_was_taken_comes_when_the_port_is_free() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1");
      RealEnvoy incremental;
      RealEnvoy stateOfTheWorld;
      try (DatagramSocket taken = new DatagramSocket(sandbox.front().socketAddress())) {
        ControlPlane plane = sandbox.controlPlane("cp");
        incremental = sandbox.envoyStarting("incremental", Protocol.INCREMENTAL);
        stateOfTheWorld = sandbox.envoyStarting("sotw", Protocol.STATE_OF_THE_WORLD);
        AdminPages admin = new AdminPages(plane.admin());
        for (int i = 0; i < 2; i++) {
          String reason = "/envoys/" + i + "/types/LDS/rejected/reason";
          await().until(() -> admin.json("/fleet").at(reason).asText().contains("bind"));
        }
        assertThat(taken.isBound()).isTrue();
      }
      for (RealEnvoy envoy : List.of(incremental, stateOfTheWorld)) {
        await().until(() -> envoy.stat("listener_manager.total_listeners_active") == 1);
      }
      sandbox.awaitAcknowledged("cp");
      new Crowd(sandbox).arriveOn(5, "b-1");
    }
  }
}
