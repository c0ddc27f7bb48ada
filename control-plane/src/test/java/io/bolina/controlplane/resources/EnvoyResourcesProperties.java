package io.bolina.controlplane.resources;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.controlplane.FleetsForTest;
import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.admission.Decision;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Server;
import io.envoyproxy.envoy.config.core.v3.HealthStatus;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/**
 * Any fleet as Envoy resources: the same bytes for the same fleet, and never a status that breaks
 * sessions.
 */
class EnvoyResourcesProperties {
  private static final UdpService SERVICE = new UdpService("bolina", "127.0.0.1", 10_000);

  private final EnvoyResources resources = new EnvoyResources(ProxySettings.DEFAULTS);

  @Provide
  Arbitrary<Fleet> fleets() {
    return FleetsForTest.anyFleet();
  }

  private ClusterLoadAssignment assignment(Fleet fleet) {
    return resources.loadAssignment(
        "bolina", new Admission(AdmissionSettings.DEFAULTS).decide(fleet));
  }

  @Property
  void the_same_fleet_has_the_same_bytes_in_whatever_order_it_was_listed(
      @ForAll("fleets") Fleet fleet, @ForAll long seed) {
    List<Member> shuffled = new ArrayList<>(fleet.members());
    Collections.shuffle(shuffled, new Random(seed));
    assertThat(assignment(FleetsForTest.fleet(shuffled)).toByteString())
        .isEqualTo(assignment(fleet).toByteString());
  }

  @Property
  void a_zone_and_metadata_change_no_byte(@ForAll("fleets") Fleet fleet) {
    List<Member> moved =
        fleet.members().stream()
            .map(
                m ->
                    new Member(
                        new Server(
                            m.server().id(),
                            m.server().service(),
                            m.server().address(),
                            m.server().port(),
                            "another-zone",
                            Map.of("a", "b")),
                        m.health(),
                        m.maintenance(),
                        m.order(),
                        m.presence(),
                        m.since(),
                        m.load(),
                        "another note"))
            .toList();
    assertThat(assignment(FleetsForTest.fleet(moved)).toByteString())
        .isEqualTo(assignment(fleet).toByteString());
  }

  @Property
  void a_closed_server_is_degraded_and_an_open_one_is_not(@ForAll("fleets") Fleet fleet) {
    List<Decision> served =
        new Admission(AdmissionSettings.DEFAULTS)
            .decide(fleet).stream().filter(Decision::served).toList();
    List<LbEndpoint> endpoints = assignment(fleet).getEndpoints(0).getLbEndpointsList();
    assertThat(endpoints).hasSameSizeAs(served);
    for (int i = 0; i < served.size(); i++) {
      // No other status will do: each of them moves the sessions that are there.
      assertThat(endpoints.get(i).getHealthStatus())
          .isEqualTo(served.get(i).open() ? HealthStatus.UNKNOWN : HealthStatus.DEGRADED);
    }
    boolean allTheSame = served.stream().map(Decision::weight).distinct().count() <= 1;
    for (int i = 0; i < served.size(); i++) {
      assertThat(endpoints.get(i).hasLoadBalancingWeight()).isEqualTo(!allTheSame);
      if (!allTheSame) {
        assertThat(endpoints.get(i).getLoadBalancingWeight().getValue())
            .isEqualTo(served.get(i).weight());
      }
    }
  }

  @Property
  void cluster_and_listener_do_not_depend_on_the_fleet(@ForAll("fleets") Fleet fleet) {
    var cluster = resources.cluster(SERVICE).toByteString();
    var listener = resources.listener(SERVICE).toByteString();
    assertThat(assignment(fleet)).isNotNull();
    EnvoyResources another = new EnvoyResources(ProxySettings.DEFAULTS);
    assertThat(another.cluster(SERVICE).toByteString()).isEqualTo(cluster);
    assertThat(another.listener(SERVICE).toByteString()).isEqualTo(listener);
  }
}
