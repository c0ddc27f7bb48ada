package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.config.EndpointDelivery;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.Chooser;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** What is special about an Envoy that gets servers by LEDS (docs/leds.md). */
@ParameterizedClass
@EnumSource(Chooser.class)
class OneByOneIT {
  @Parameter private Chooser chooser;
  private Sandbox sandbox;

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox(chooser);
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private static void awaitDelivery(ControlPlane plane, String delivery) {
    AdminPages admin = new AdminPages(plane.admin());
    await()
        .untilAsserted(
            () ->
                assertThat(admin.json("/fleet").at("/envoys/0/endpoints").asText())
                    .startsWith(delivery));
  }

  @Test
  void a_change_of_the_delivery_breaks_no_session() throws Exception {
    sandbox.servers("b-1", "b-2", "b-3", "b-4");
    Crowd crowd = null;
    for (EndpointDelivery delivery :
        new EndpointDelivery[] {
          EndpointDelivery.EDS, EndpointDelivery.LEDS, EndpointDelivery.EDS, EndpointDelivery.LEDS
        }) {
      ControlPlane plane =
          sandbox.controlPlane("cp", c -> c.with(ControlPlaneConfig.ENDPOINT_DELIVERY, delivery));
      if (crowd == null) {
        sandbox.envoy("edge");
        crowd = new Crowd(sandbox);
        crowd.arriveOn(120, "b-1", "b-2", "b-3", "b-4");
      }
      awaitDelivery(plane, delivery == EndpointDelivery.LEDS ? "leds" : "eds");
      sandbox.consul().api().health("b-1", "critical", "");
      sandbox.awaitEnvoys("b-1", "DEGRADED");
      crowd.arriveOn(60, "b-2", "b-3", "b-4");
      sandbox.consul().api().health("b-1", "passing", "");
      sandbox.awaitEnvoys("b-1", "HEALTHY");
      crowd.arriveOn(60, "b-1", "b-2", "b-3", "b-4");
      crowd.allStay();
      assertThat(sandbox.envoyNamed("edge").stat("cluster.bolina.membership_change")).isOne();
      sandbox.stop("cp");
    }
  }

  @Test
  void a_server_that_went_while_an_envoy_was_away_is_gone_when_it_is_back() throws Exception {
    sandbox.servers("b-1", "b-2", "b-3");
    sandbox.controlPlane("cp", OneByOneIT::forgetsSoon);
    RealEnvoy envoy = sandbox.envoy("edge");
    sandbox.stop("cp");
    sandbox.consul().api().deregister("b-2");
    assertThat(envoy.servers(SERVICE)).hasSize(3);
    // One that never knew of it, or it would say that it goes.
    sandbox.controlPlane(
        "cp",
        c ->
            forgetsSoon(c)
                .with(ControlPlaneConfig.STATE_DIR, sandbox.directory().resolve("no-state-yet")));
    sandbox.awaitEnvoys("b-2", null);
    assertThat(envoy.servers(SERVICE)).hasSize(2);
  }

  private static ControlPlaneConfig forgetsSoon(ControlPlaneConfig config) {
    return config.withFleet(
        new FleetSettings(Duration.ofMillis(100), Duration.ofSeconds(30), Duration.ofMinutes(30)));
  }

  @Test
  void an_envoy_of_an_empty_fleet_listens_and_gets_the_first_server() throws Exception {
    sandbox.consul();
    ControlPlane plane = sandbox.controlPlane("cp", OneByOneIT::forgetsSoon);
    await().until(plane::ready);
    RealEnvoy envoy = sandbox.envoy("edge", Protocol.INCREMENTAL);
    assertThat(envoy.servers(SERVICE)).isEmpty();
    sandbox.server("b-1");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    new Crowd(sandbox).arriveOn(10, "b-1");
    // The last server may go without being held if it is meant to.
    sandbox.consul().api().maintenance("b-1", true);
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    sandbox.consul().api().deregister("b-1");
    sandbox.awaitEnvoys("b-1", null);
    sandbox.server("b-2");
    sandbox.awaitEnvoys("b-2", "HEALTHY");
    assertThat(envoy.servers(SERVICE)).hasSize(1);
  }

  @Test
  void a_cluster_that_changed_gets_its_servers_anew() throws Exception {
    sandbox.servers("b-1", "b-2", "b-3");
    sandbox.controlPlane("cp");
    RealEnvoy envoy = sandbox.envoy("edge");
    new Crowd(sandbox).arriveOn(60, "b-1", "b-2", "b-3");
    sandbox.stop("cp");
    sandbox.consul().api().health("b-1", "critical", "");
    sandbox.controlPlane(
        "cp",
        c ->
            c.withProxy(
                new ProxySettings(
                    c.proxy().sessionIdleTimeout(), c.proxy().maxDatagramSize(), 777_777)));
    await()
        .untilAsserted(
            () ->
                assertThat(envoy.admin().text("/clusters"))
                    .contains("bolina::default_priority::max_connections::777777"));
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    Crowd late = new Crowd(sandbox);
    late.arriveOn(60, "b-2", "b-3");
    assertThat(envoy.servers(SERVICE)).hasSize(3);
    sandbox.consul().api().health("b-1", "passing", "");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
  }
}
