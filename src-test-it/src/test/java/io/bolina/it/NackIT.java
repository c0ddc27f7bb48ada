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
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A configuration that Envoy rejects: reported with Envoy's reason, and not sent in a loop. */
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

      // Everything else goes on, change after change, and the listener is not sent again.
      for (String health :
          new String[] {"critical", "passing", "critical", "passing", "critical"}) {
        sandbox.consul().api().health("b-1", health, "");
        sandbox.awaitEnvoys("b-1", health.equals("critical") ? "DEGRADED" : "HEALTHY");
      }
      String metrics = sandbox.meters("cp").scrape();
      assertThat(metrics).contains("bolina_xds_nacks_total{type=\"LDS\"} 1.0");
      assertThat(metrics).contains("bolina_xds_responses_total{type=\"LDS\"} 1.0");
      assertThat(envoy.isAlive()).isTrue();
    }
  }
}
