package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.AdsClient;
import io.bolina.controlplane.LogLines;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.served.Editions;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ConnectionMonitorTest {
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));
  private final Clock clock = ((InstantSource) now::get).withZone(ZoneOffset.UTC);
  private final Telemetry telemetry = Telemetry.create(clock);
  private final LogLines log = new LogLines();
  private final XdsServer server =
      new XdsServer(
          new HostPort("127.0.0.1", 0),
          XdsLimits.DEFAULTS,
          telemetry,
          false,
          true,
          PATIENCE,
          () -> true);

  @BeforeEach
  void start() throws IOException {
    server.start();
  }

  @AfterEach
  void close() {
    server.close();
    log.close();
  }

  private void later(Duration time) {
    now.updateAndGet(at -> at.plus(time));
    server.checkConnections();
  }

  private AdsClient connect(String node) {
    int before = server.envoys().size();
    AdsClient client = new AdsClient(server.address(), node, XdsTypes.CLUSTER);
    await()
        .until(
            () ->
                server.envoys().stream().filter(e -> e.node().equals(node)).count() > 0
                    && server.envoys().size() == before + 1
                    && server.envoys().stream().noneMatch(e -> e.node().isEmpty()));
    return client;
  }

  private double duplicates() {
    var counter =
        telemetry.meters().find("bolina.bad.input").tag("kind", "duplicate-node-id").counter();
    return counter == null ? 0 : counter.count();
  }

  @Test
  void that_no_envoy_connects_is_said_once_and_so_is_the_end_of_it() {
    later(PATIENCE.multipliedBy(2));
    assertThat(log.beginning("WARN no envoy connected")).as("before it is ready").isEmpty();
    server.serve(Editions.NOTHING);
    later(Duration.ZERO);
    later(PATIENCE.minusSeconds(1));
    assertThat(log.beginning("WARN no envoy connected")).isEmpty();
    later(Duration.ofSeconds(1));
    later(PATIENCE);
    assertThat(log.beginning("WARN no envoy connected"))
        .singleElement()
        .asString()
        .contains("xds=" + server.address())
        .contains("seconds=60")
        .contains("loopback");
    try (AdsClient client = connect("edge-1")) {
      assertThat(client.responses()).isEmpty();
      later(Duration.ZERO);
      later(Duration.ZERO);
      assertThat(log.beginning("INFO envoys connected again")).hasSize(1);
    }
    await().until(() -> server.envoys().isEmpty());
    later(Duration.ZERO);
    later(PATIENCE);
    assertThat(log.beginning("WARN no envoy connected")).hasSize(2);
  }

  @Test
  void two_envoys_of_one_node_id_are_reported_with_both_addresses() {
    try (AdsClient one = connect("edge-1");
        AdsClient same = connect("edge-1");
        AdsClient other = connect("edge-2")) {
      assertThat(one.responses()).isEqualTo(same.responses()).isEqualTo(other.responses());
      later(ConnectionMonitor.KEEP_ALIVE.minusSeconds(1));
      assertThat(duplicates()).as("while the first connection may be dead").isZero();
      later(Duration.ofSeconds(1));
      later(Duration.ofSeconds(1));
      assertThat(duplicates()).isEqualTo(1);
      String[] peers =
          server.envoys().stream()
              .filter(e -> e.node().equals("edge-1"))
              .map(EnvoyStatus::peer)
              .toArray(String[]::new);
      assertThat(log.beginning("WARN duplicate node id"))
          .singleElement()
          .asString()
          .contains("envoy=edge-1")
          .contains(peers)
          .contains("--node-id");
    }
  }

  @Test
  void an_envoy_that_reconnects_is_no_duplicate() {
    AdsClient before = connect("edge-1");
    later(ConnectionMonitor.KEEP_ALIVE);
    try (AdsClient again = connect("edge-1")) {
      assertThat(again.responses()).isEmpty();
      later(ConnectionMonitor.KEEP_ALIVE.minusSeconds(1));
      before.close();
      await().until(() -> server.envoys().size() == 1);
      later(ConnectionMonitor.KEEP_ALIVE);
      assertThat(duplicates()).isZero();
    }
  }
}
