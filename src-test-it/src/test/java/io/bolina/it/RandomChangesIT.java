package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.config.EndpointDelivery;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.Chooser;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.AdminPages;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Thousands of changes in random order, control planes that come and go meanwhile: in the end every
 * kind of Envoy knows the same of every server, and that is what was decided.
 */
@ParameterizedClass
@EnumSource(Chooser.class)
class RandomChangesIT {
  @Parameter private Chooser chooser;
  private static final int SERVERS = 150;
  private static final int CHANGES = 4_000;
  private static final Health[] HEALTH = Health.values();
  private static final double[] LOADS = {0.1, 0.55, 0.8, 0.95};

  private InMemoryRegistry registry;
  private final List<String> listed = new ArrayList<>();
  private int made;

  @Test
  void every_envoy_ends_with_what_was_decided() throws Exception {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    try (Sandbox sandbox = new Sandbox(chooser)) {
      start(sandbox, "one-by-one", EndpointDelivery.LEDS);
      RealEnvoy oneByOne = sandbox.envoy("one-by-one");
      // An Envoy connects to one of the control planes there are when it starts, so this one may be
      // delivered in either way, and in another one after each restart.
      start(sandbox, "all-at-once", EndpointDelivery.EDS);
      RealEnvoy either = sandbox.envoy("either");
      RealEnvoy stateOfTheWorld = sandbox.envoy("sotw", Protocol.STATE_OF_THE_WORLD);

      for (int i = 0; i < CHANGES; i++) {
        change(random);
        if (i % 1_000 == 500) {
          String name = random.nextBoolean() ? "one-by-one" : "all-at-once";
          sandbox.stop(name);
          for (int more = 0; more < 50; more++) {
            change(random);
          }
          start(sandbox, name, deliveryOf(name));
        }
      }
      ControlPlane plane = start(sandbox, "judge", EndpointDelivery.LEDS);
      for (RealEnvoy envoy : List.of(oneByOne, either, stateOfTheWorld)) {
        await()
            .untilAsserted(
                () -> assertThat(known(envoy)).as("with seed " + seed).isEqualTo(decided(plane)));
      }
      assertThat(oneByOne.stat("cluster." + SERVICE + ".leds.update_rejected")).isZero();
      assertThat(oneByOne.stat("cluster." + SERVICE + ".update_rejected")).isZero();
    }
  }

  private static EndpointDelivery deliveryOf(String name) {
    return name.equals("one-by-one") ? EndpointDelivery.LEDS : EndpointDelivery.EDS;
  }

  private ControlPlane start(Sandbox sandbox, String name, EndpointDelivery delivery)
      throws IOException {
    UnaryOperator<ControlPlaneConfig> settings =
        c ->
            c.with(ControlPlaneConfig.ENDPOINT_DELIVERY, delivery)
                .withFleet(
                    // A control plane that was away for most of the changes holds what it knew, for
                    // a second.
                    new FleetSettings(
                        Duration.ofMillis(200), Duration.ofSeconds(30), Duration.ofSeconds(1)));
    ControlPlane plane =
        sandbox.controlPlane(
            name,
            settings,
            registries -> {
              if (registry == null) {
                registry = registries.inMemory();
                for (int i = 0; i < SERVERS; i++) {
                  register();
                }
              }
              return registry;
            });
    await().until(plane::ready);
    return plane;
  }

  private void register() {
    made++;
    String id = "b-" + made;
    // Some have an IPv6 address.
    String address =
        made % 5 == 0
            ? "2001:db8::" + Integer.toHexString(made)
            : "127.7." + made / 250 + "." + (made % 250 + 1);
    registry.register(new Server(id, SERVICE, address, 7000, "", Map.of()), HEALTH[0]);
    listed.add(id);
  }

  private void change(Random random) {
    String id = listed.get(random.nextInt(listed.size()));
    switch (random.nextInt(8)) {
      case 0 -> register();
      case 1 -> {
        if (listed.size() > SERVERS / 2) {
          registry.deregister(id);
          listed.remove(id);
        }
      }
      case 2 -> registry.draining(id, random.nextBoolean());
      case 3, 4 -> registry.load(id, LoadReport.of(LOADS[random.nextInt(LOADS.length)]));
      default -> registry.health(id, HEALTH[random.nextInt(HEALTH.length)], "");
    }
  }

  /** Whether it is open, and its weight, by address, as an Envoy has them. */
  private static Map<String, String> known(RealEnvoy envoy) throws IOException {
    Map<String, String> known = new TreeMap<>();
    Map<String, Integer> weights = envoy.weights(SERVICE);
    envoy
        .servers(SERVICE)
        .forEach((address, health) -> known.put(address, health + " " + weights.get(address)));
    return known;
  }

  private static Map<String, String> decided(ControlPlane plane) throws IOException {
    Map<String, String> decided = new TreeMap<>();
    for (JsonNode server : new AdminPages(plane.admin()).json("/fleet").at("/services/0/servers")) {
      decided.put(
          server.path("address").asText(),
          (server.path("open").asBoolean() ? "HEALTHY" : "DEGRADED")
              + " "
              + server.path("weight").asInt());
    }
    return decided;
  }
}
