package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.peers.SightMonitor;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.consul.ConsulFront;
import io.bolina.sandbox.consul.ConsulFront.Fault;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.FreePort;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A replica that cannot see Consul gives its Envoys up to one that does, and keeps them while none
 * does: three replicas, each on a way of its own to Consul that can be cut, and two Envoys.
 */
class BlindReplicaIT {
  private static final List<String> EDGES = List.of("edge-1", "edge-2");

  /** Each replica loses Consul in a way of its own. */
  private static final Map<Character, Fault> WAYS =
      Map.of('1', Fault.CUT_OFF, '2', Fault.SILENT, '3', Fault.ERROR);

  /** Who sees, one after the other: all eight combinations, and from all to none at once. */
  private static final List<String> WHO_SEES =
      List.of("12", "1", "", "3", "23", "2", "123", "13", "123", "", "123");

  private Sandbox sandbox;
  private final Map<Character, ConsulFront> fronts = new LinkedHashMap<>();
  private final Map<Character, ControlPlane> replicas = new LinkedHashMap<>();
  private String seeing = "123";
  private Crowd crowd;

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox();
    sandbox.servers("b-1", "b-2", "b-3");
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private void start(boolean peersKnown) throws Exception {
    Map<Character, HostPort> admins = new LinkedHashMap<>();
    for (char name : new char[] {'1', '2', '3'}) {
      fronts.put(name, sandbox.closed(new ConsulFront(sandbox.consul().url())));
      admins.put(name, new HostPort("127.0.0.1", FreePort.tcp()));
    }
    List<HostPort> peers = peersKnown ? List.copyOf(admins.values()) : List.of();
    for (char name : admins.keySet()) {
      replicas.put(
          name,
          sandbox.controlPlane(
              "cp-" + name,
              c ->
                  c.with(ControlPlaneConfig.ADMIN, admins.get(name))
                      .with(SightMonitor.BLIND_AFTER, Duration.ofSeconds(1))
                      .withAll(SightMonitor.PEERS, peers),
              r -> r.onConsul(fronts.get(name).url(), Optional.empty())));
    }
    for (String edge : EDGES) {
      sandbox.envoy(edge);
    }
    crowd = new Crowd(sandbox);
    crowd.arriveOn(100, "b-1", "b-2", "b-3");
    await().until(this::everyEnvoyIsOnAReplicaThatSees);
  }

  /** From now on these replicas see Consul, and no others. */
  private void see(String names) {
    for (char name : fronts.keySet()) {
      boolean sees = names.indexOf(name) >= 0;
      if (sees != (seeing.indexOf(name) >= 0)) {
        if (sees) {
          fronts.get(name).recover();
        } else {
          fronts.get(name).fail(WAYS.get(name));
        }
      }
    }
    seeing = names;
  }

  /** The Envoys that have a stream with some replicas. */
  private List<String> connectedTo(String names) throws IOException {
    List<String> connected = new ArrayList<>();
    for (char name : replicas.keySet()) {
      if (names.indexOf(name) < 0) {
        continue;
      }
      for (JsonNode envoy : sandbox.fleet("cp-" + name).path("envoys")) {
        connected.add(envoy.path("node").asText());
      }
    }
    return connected;
  }

  private boolean everyEnvoyIsOnAReplicaThatSees() throws IOException {
    return Set.copyOf(connectedTo(seeing)).equals(Set.copyOf(EDGES))
        && connectedTo("123").size() == EDGES.size();
  }

  /** Every replica knows that it is blind, none refuses, and every Envoy has a stream. */
  private boolean allAreServedBlindly() throws IOException {
    for (ControlPlane replica : replicas.values()) {
      AdminPages pages = new AdminPages(replica.admin());
      if (pages.json("/registry").path("seesRegistry").asBoolean(true)
          || !pages.text("/metrics").contains("bolina_registry_blind 1.0")
          || pages.status("/readyz") != 200) {
        return false;
      }
    }
    return new TreeSet<>(connectedTo("123")).equals(new TreeSet<>(EDGES));
  }

  /** Streams closed so far for that a replica does not see, those included that were not served. */
  private double refused() {
    return replicas.keySet().stream()
        .mapToDouble(
            name -> sandbox.meters("cp-" + name).counter("bolina.xds.refused.streams").count())
        .sum();
  }

  @Test
  void envoys_are_with_a_replica_that_sees_as_long_as_there_is_one() throws Exception {
    start(true);
    boolean open = true;
    boolean openInEnvoy = true;
    for (String names : WHO_SEES) {
      String before = seeing;
      double refusedBefore = refused();
      long start = System.nanoTime();
      see(names);
      // What nobody saw is seen at the next change.
      open = before.isEmpty() == open;
      sandbox.consul().api().health("b-1", open ? "passing" : "critical", "");
      if (!names.isEmpty()) {
        openInEnvoy = open;
        sandbox.awaitEnvoys("b-1", open ? "HEALTHY" : "DEGRADED");
        System.out.printf(
            "seen by %s, then by %s: %s in both Envoys after %.1f s%n",
            before, names, open ? "open" : "closed", (System.nanoTime() - start) / 1e9);
        await().until(this::everyEnvoyIsOnAReplicaThatSees);
      } else {
        await().until(this::allAreServedBlindly);
        assertThat(refused() - refusedBefore)
            .as("streams closed though nobody sees")
            .isLessThanOrEqualTo(EDGES.size());
      }
      if (openInEnvoy) {
        crowd.arriveOn(40, "b-1", "b-2", "b-3");
      } else {
        crowd.arriveOn(40, "b-2", "b-3");
      }
      crowd.allStay();
    }
  }

  @Test
  void without_peers_envoys_are_given_up_once_and_served_again() throws Exception {
    start(false);
    long start = System.nanoTime();
    see("");
    await().until(() -> refused() >= EDGES.size());
    System.out.printf("given up after %.1f s%n", (System.nanoTime() - start) / 1e9);
    crowd.arriveOn(40, "b-1", "b-2", "b-3");
    await().until(this::allAreServedBlindly);
    System.out.printf("served again after %.1f s%n", (System.nanoTime() - start) / 1e9);
    double refused = refused();
    // The rule is looked at twice a second.
    await()
        .during(Duration.ofSeconds(3))
        .untilAsserted(() -> assertThat(refused()).isEqualTo(refused));
    see("123");
    sandbox.consul().api().health("b-1", "critical", "");
    sandbox.awaitEnvoys("b-1", "DEGRADED");
    crowd.arriveOn(40, "b-2", "b-3");
    crowd.allStay();
  }
}
