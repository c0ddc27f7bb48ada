package io.bolina.controlplane;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.controlplane.served.ServedItem;
import io.bolina.registry.Registry;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.Server;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.ListenFailed;
import io.bolina.runtime.Telemetry;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ControlPlaneTest {
  private static final String ENDPOINTS = ServedItem.typeUrl(ClusterLoadAssignment.getDescriptor());
  private static final HostPort ANY_PORT = new HostPort("127.0.0.1", 0);

  private final PageClock clock = new PageClock();
  private final Telemetry telemetry = Telemetry.create(clock);
  private final InMemoryRegistry registry = new InMemoryRegistry(FleetSettings.DEFAULTS, telemetry);
  private final ControlPlaneConfig config =
      ControlPlaneConfig.of(List.of(new UdpService("bolina", "127.0.0.1", 7000)))
          .with(ControlPlaneConfig.XDS, ANY_PORT)
          .with(ControlPlaneConfig.ADMIN, ANY_PORT);

  @AfterEach
  void close() {
    clock.goOn();
    registry.close();
  }

  /** A clock at which the threads of pages block, once that is switched on. */
  private static final class PageClock extends Clock {
    private final CountDownLatch pageWaits = new CountDownLatch(1);
    private final CountDownLatch goesOn = new CountDownLatch(1);
    private volatile boolean held;

    void hold() {
      held = true;
    }

    void goOn() {
      goesOn.countDown();
    }

    @Override
    public Instant instant() {
      if (held && Thread.currentThread().getName().startsWith("page-")) {
        pageWaits.countDown();
        try {
          goesOn.await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
      return Instant.now();
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }
  }

  private void register(String id, int port, Health health) {
    registry.register(new Server(id, "bolina", "10.0.0.1", port, "", Map.of()), health);
  }

  private static CompletableFuture<HttpResponse<String>> get(ControlPlane plane, String path) {
    return HttpClient.newHttpClient()
        .sendAsync(
            HttpRequest.newBuilder(URI.create("http://" + plane.admin() + path)).build(),
            HttpResponse.BodyHandlers.ofString());
  }

  @Test
  void a_page_that_takes_its_time_delays_no_change() throws Exception {
    register("b-1", 7001, Health.PASSING);
    register("b-2", 7002, Health.PASSING);
    try (ControlPlane plane = ControlPlane.start(config, registry, telemetry);
        AdsClient envoy = new AdsClient(plane.xds(), "edge", ENDPOINTS, "bolina")) {
      await().until(() -> !envoy.responses().isEmpty());
      clock.hold();
      var page = get(plane, "/fleet");
      assertThat(clock.pageWaits.await(1, TimeUnit.MINUTES)).isTrue();
      int before = envoy.responses().size();
      registry.health("b-1", Health.CRITICAL, "");
      await().until(() -> envoy.responses().size() > before);
      assertThat(page).as("the page, which is still not done").isNotDone();
      clock.goOn();
      assertThat(page.get().body()).contains("\"status\" : \"closed\"");
    }
  }

  @Test
  void a_port_that_is_taken_closes_what_was_opened() throws Exception {
    HostPort xds = new HostPort("127.0.0.1", freePort());
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      HostPort admin = new HostPort("127.0.0.1", taken.getLocalPort());
      assertThatThrownBy(
              () ->
                  ControlPlane.start(
                      config
                          .with(ControlPlaneConfig.XDS, xds)
                          .with(ControlPlaneConfig.ADMIN, admin),
                      registry,
                      telemetry))
          .isInstanceOf(ListenFailed.class)
          .hasMessageStartingWith("admin: cannot listen on " + admin + ": address already in use");
    }
    try (ControlPlane plane =
        ControlPlane.start(config.with(ControlPlaneConfig.XDS, xds), registry, telemetry)) {
      assertThat(plane.xds()).isEqualTo(xds);
    }
  }

  @Test
  void an_xds_address_that_cannot_be_used_is_named_with_the_reason() throws Exception {
    HostPort nowhere = new HostPort("no-such-host.invalid", 18_000);
    assertThatThrownBy(
            () ->
                ControlPlane.start(
                    config.with(ControlPlaneConfig.XDS, nowhere), registry, telemetry))
        .isInstanceOf(ListenFailed.class)
        .hasMessage(
            "xds: cannot listen on no-such-host.invalid:18000: the host name cannot be resolved");
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      HostPort at = new HostPort("127.0.0.1", taken.getLocalPort());
      assertThatThrownBy(
              () ->
                  ControlPlane.start(config.with(ControlPlaneConfig.XDS, at), registry, telemetry))
          .isInstanceOf(ListenFailed.class)
          .hasMessageStartingWith("xds: cannot listen on " + at + ": address already in use");
    }
  }

  @Test
  void nothing_is_served_before_every_service_is_known() throws Exception {
    HeldBack heldBack = new HeldBack(registry, "other");
    register("b-1", 7001, Health.PASSING);
    ControlPlaneConfig two =
        config.withServices(
            List.of(
                new UdpService("bolina", "127.0.0.1", 7000),
                new UdpService("other", "127.0.0.1", 7001)));
    try (LogLines log = new LogLines();
        ControlPlane plane = ControlPlane.start(two, heldBack, telemetry);
        AdsClient envoy = new AdsClient(plane.xds(), "edge", ENDPOINTS, "bolina")) {
      await().until(() -> !log.beginning("INFO first fleet known service=bolina").isEmpty());
      await().until(() -> get(plane, "/fleet").get().body().contains("\"node\" : \"edge\""));
      assertThat(get(plane, "/readyz").get().body())
          .isEqualTo("not ready; waiting for the fleet of other\n");
      assertThat(envoy.responses()).isEmpty();
      heldBack.goOn();
      await().until(() -> !envoy.responses().isEmpty());
      assertThat(get(plane, "/readyz").get().statusCode()).isEqualTo(200);
      assertThat(log.beginning("INFO ready")).hasSize(1);
      assertThat(log.beginning("WARN service has no instances in registry; check its name"))
          .singleElement()
          .asString()
          .contains("service=other");
      assertThat(log.beginning("WARN no open server")).isEmpty();
    }
  }

  /** A registry that does not yet know one service. */
  private static final class HeldBack implements Registry {
    private final Registry registry;
    private final String service;
    private final CompletableFuture<Void> known = new CompletableFuture<>();

    private HeldBack(Registry registry, String service) {
      this.registry = registry;
      this.service = service;
    }

    void goOn() {
      known.complete(null);
    }

    @Override
    public Watch watch(String of, Optional<LastKnownFleet> lastKnown, FleetListener listener) {
      return registry.watch(
          of,
          lastKnown,
          fleet -> {
            if (of.equals(service)) {
              var unused = known.thenRun(() -> listener.fleetChanged(fleet));
            } else {
              listener.fleetChanged(fleet);
            }
          });
    }

    @Override
    public WatchHandle watchGate(
        String of, Optional<GateOrders> lastKnown, Consumer<GateOrders> listener) {
      return registry.watchGate(of, lastKnown, listener);
    }

    @Override
    public void close() {
      registry.close();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }
}
