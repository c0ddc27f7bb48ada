package io.bolina.it;

import static io.bolina.it.XdsClient.CLUSTER_TYPE_URL;
import static io.bolina.it.XdsClient.ENDPOINT_TYPE_URL;
import static io.bolina.it.XdsClient.LISTENER_TYPE_URL;
import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.config.EndpointDelivery;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.Chooser;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Restarts keep the state, and replicas serve the same. */
@ParameterizedClass
@EnumSource(Chooser.class)
class RestartIT {
  @Parameter private Chooser chooser;
  private Sandbox sandbox;

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox(chooser);
    sandbox.servers("b-1", "b-2", "b-3", "b-4");
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  /** The ways in which an Envoy gets servers. */
  private enum Delivery {
    ONE_BY_ONE(Protocol.INCREMENTAL, EndpointDelivery.LEDS),
    ALL_AT_ONCE(Protocol.INCREMENTAL, EndpointDelivery.EDS),
    STATE_OF_THE_WORLD(Protocol.STATE_OF_THE_WORLD, EndpointDelivery.LEDS);

    private final Protocol protocol;
    private final EndpointDelivery delivery;

    Delivery(Protocol protocol, EndpointDelivery delivery) {
      this.protocol = protocol;
      this.delivery = delivery;
    }

    /**
     * What Envoy has taken so far. Of clusters, listeners and load assignments it counts what it is
     * sent, even if unchanged. One that gets servers one by one is sent them again by whom it
     * connects to; so of this one, what it then knows, and whether a server came or went.
     */
    private Map<String, String> taken(RealEnvoy envoy) throws IOException {
      Map<String, String> taken = new TreeMap<>();
      String cluster = "cluster\\." + SERVICE + "\\.";
      envoy
          .stats(
              "(cds|lds)\\.update_(success|rejected)$|"
                  + (this == ONE_BY_ONE
                      ? cluster + "membership_change$"
                      : cluster + "update_(success|rejected)$"))
          .forEach((stat, value) -> taken.put(stat, value.toString()));
      envoy
          .admin()
          .text("/clusters")
          .lines()
          .filter(
              line ->
                  line.matches("(bolina-tokens\\.)?bolina::[0-9.:]+::(health_flags|weight)::.*"))
          .forEach(line -> taken.put(line, ""));
      return taken;
    }
  }

  private static boolean envoyIsConnected(AdminPages controlPlane) throws IOException {
    JsonNode types = controlPlane.json("/fleet").at("/envoys/0/types");
    // It was sent the name of a collection; one that has it already is sent nothing.
    boolean oneByOne = types.at("/EDS/sent").asText().matches("(tokens\\.)?[ab]\\..*");
    return types.size() >= 3 && (!oneByOne || types.at("/LEDS/acknowledged").asText().length() > 0);
  }

  private void closeSomeServers() throws Exception {
    sandbox.consul().api().health("b-1", "critical", "");
    sandbox.consul().api().deregister("b-2");
    sandbox.consul().api().load(SERVICE, "b-3", 0.6, 7);
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    sandbox.awaitEnvoys("b-2", "DEGRADED");
    RealEnvoy envoy = sandbox.envoyNamed("edge");
    await()
        .until(
            () ->
                envoy.admin().text("/clusters").contains(sandbox.endpoint("b-3") + "::weight::75"));
  }

  @ParameterizedTest
  @EnumSource(Delivery.class)
  void killed_and_restarted_while_consul_is_down_it_sends_nothing_new(Delivery variant)
      throws Exception {
    String[] delivery = {"--endpoint-delivery", variant.delivery.name().toLowerCase(Locale.ROOT)};
    BolinaProcess first = sandbox.controlPlaneProcess("cp", delivery);
    RealEnvoy envoy = sandbox.envoy("edge", variant.protocol);
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(100, "b-1", "b-2", "b-3", "b-4");
    crowd.clients().keepTalking(Duration.ofMillis(200));
    closeSomeServers();
    String served = first.admin().json("/fleet").at("/services/0/version").asText();
    awaitStateFile("0.6", "VANISHED", "CRITICAL");

    sandbox.consul().kill();
    first.child().kill();
    Map<String, String> taken = variant.taken(envoy);
    crowd.arriveOn(40, "b-3", "b-4");
    BolinaProcess second = sandbox.controlPlaneProcess("cp", delivery);
    await().ignoreExceptions().until(() -> second.admin().status("/readyz") == 200);
    await().until(() -> envoyIsConnected(second.admin()));
    assertThat(second.admin().json("/fleet").at("/services/0/version").asText()).isEqualTo(served);
    crowd.arriveOn(40, "b-3", "b-4");

    sandbox.consul().start();
    await()
        .until(
            () -> second.admin().json("/fleet").at("/services/0/registry/health/error").isNull());
    crowd.arriveOn(40, "b-3", "b-4");
    crowd.clients().rest();
    crowd.allStay();
    assertThat(variant.taken(envoy)).as("what Envoy was sent").isEqualTo(taken);

    assertThat(second.child().terminate()).as("exit status on SIGTERM").isIn(0, 143);
    crowd.allStay();
  }

  /** The state file follows a change within a fraction of a second, not at once. */
  private void awaitStateFile(String... containing) {
    Path file = sandbox.directory().resolve("state-cp/fleets.json");
    await()
        .until(
            () -> {
              String text = Files.readString(file);
              return Arrays.stream(containing).allMatch(text::contains);
            });
  }

  @Test
  void a_damaged_state_file_is_set_aside() throws Exception {
    ControlPlane first = sandbox.controlPlane("cp");
    await().until(first::ready);
    sandbox.stop("cp");
    Path file = sandbox.directory().resolve("state-cp/fleets.json");
    String content = Files.readString(file);
    Files.writeString(file, content.substring(0, content.length() / 2));
    ControlPlane second = sandbox.controlPlane("cp");
    await().until(second::ready);
    try (var files = Files.list(file.getParent())) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .anyMatch(name -> name.startsWith("fleets.json.damaged-"));
    }
  }

  @Test
  void without_state_and_without_consul_it_is_not_ready_until_consul_is_there() throws Exception {
    sandbox.consulFront();
    sandbox.consul().kill();
    ControlPlane plane = sandbox.controlPlane("cp");
    AdminPages admin = new AdminPages(plane.admin());
    await().until(() -> admin.json("/fleet").at("/services/0/registry/health/error").isTextual());
    assertThat(admin.status("/readyz")).isEqualTo(503);
    assertThat(admin.status("/healthz")).isEqualTo(200);
    RealEnvoy envoy = sandbox.envoyStarting("edge", Protocol.INCREMENTAL);
    sandbox.consul().start();
    await().until(plane::ready);
    await().until(() -> envoy.stat("listener_manager.total_listeners_active") == 1);
    assertThat(admin.status("/readyz")).isEqualTo(200);
    new Crowd(sandbox).arriveOn(100, "b-1", "b-2", "b-3", "b-4");
  }

  @Test
  void replicas_serve_the_same_bytes_whenever_they_started() throws Exception {
    ControlPlane first = sandbox.controlPlane("cp-1");
    await().until(first::ready);
    sandbox.consul().api().health("b-2", "warning", "a note that differs");
    sandbox.consul().api().load(SERVICE, "b-3", 0.8, 1);
    sandbox.server("b-0");
    sandbox.consul().api().maintenance("b-4", true);
    ControlPlane second = sandbox.controlPlane("cp-2");
    await().until(second::ready);
    await()
        .untilAsserted(
            () -> assertThat(versionServed(second)).isEqualTo(versionServed(first)).isNotEmpty());
    for (List<String> type :
        List.of(
            List.of(CLUSTER_TYPE_URL),
            List.of(LISTENER_TYPE_URL),
            List.of(ENDPOINT_TYPE_URL, SERVICE))) {
      String[] names = type.subList(1, type.size()).toArray(new String[0]);
      try (XdsClient one = new XdsClient(first.xds());
          XdsClient other = new XdsClient(second.xds())) {
        var a = one.first(type.get(0), names);
        var b = other.first(type.get(0), names);
        assertThat(a.getResourcesList()).isNotEmpty().isEqualTo(b.getResourcesList());
        assertThat(a.getResources(0).toByteString()).isEqualTo(b.getResources(0).toByteString());
        assertThat(a.getVersionInfo()).isEqualTo(b.getVersionInfo()).isNotEmpty();
      }
    }
    for (String name : List.of("a", "b")) {
      String collection = EnvoyResources.collectionPrefix(SERVICE, name) + "*";
      try (XdsClient one = new XdsClient(first.xds());
          XdsClient other = new XdsClient(second.xds())) {
        assertThat(one.members(collection)).hasSize(5).isEqualTo(other.members(collection));
      }
    }
  }

  private static String versionServed(ControlPlane plane) throws IOException {
    return new AdminPages(plane.admin()).json("/fleet").at("/services/0/version").asText();
  }

  @ParameterizedTest
  @EnumSource(Delivery.class)
  void an_envoy_that_switches_replicas_is_sent_nothing_it_has(Delivery variant) throws Exception {
    UnaryOperator<ControlPlaneConfig> settings =
        c -> c.with(ControlPlaneConfig.ENDPOINT_DELIVERY, variant.delivery);
    Map<String, ControlPlane> replicas =
        Map.of(
            "cp-1", sandbox.controlPlane("cp-1", settings),
            "cp-2", sandbox.controlPlane("cp-2", settings));
    RealEnvoy envoy = sandbox.envoy("edge", variant.protocol);
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(100, "b-1", "b-2", "b-3", "b-4");
    closeSomeServers();
    Map<String, String> taken = variant.taken(envoy);

    boolean onFirst = envoyIsConnected(new AdminPages(replicas.get("cp-1").admin()));
    sandbox.stop(onFirst ? "cp-1" : "cp-2");
    AdminPages other = new AdminPages(replicas.get(onFirst ? "cp-2" : "cp-1").admin());
    await().until(() -> envoyIsConnected(other));
    crowd.arriveOn(60, "b-3", "b-4");
    crowd.allStay();
    assertThat(variant.taken(envoy)).as("what Envoy was sent").isEqualTo(taken);

    sandbox.consul().api().health("b-1", "passing", "");
    sandbox.awaitEnvoys("b-1", "HEALTHY");
    crowd.allStay();
  }
}
