package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is sent to an Envoy, and that nothing is sent twice. */
class SubscriptionTest {
  private static ServedResource endpoints(String name, int content) {
    return ServedResource.of(
        name,
        ClusterLoadAssignment.newBuilder()
            .setClusterName(name)
            .setPolicy(
                ClusterLoadAssignment.Policy.newBuilder()
                    .setOverprovisioningFactor(com.google.protobuf.UInt32Value.of(content)))
            .build());
  }

  private static ServedResource cluster(String name) {
    return ServedResource.of(name, Cluster.newBuilder().setName(name).build());
  }

  private static Served served(ServedResource... resources) {
    return new Served(Arrays.asList(resources));
  }

  private static DiscoveryRequest sotw(String version, String... names) {
    return DiscoveryRequest.newBuilder()
        .setVersionInfo(version)
        .addAllResourceNames(List.of(names))
        .build();
  }

  private static DeltaDiscoveryRequest subscribe(String... names) {
    return DeltaDiscoveryRequest.newBuilder().addAllResourceNamesSubscribe(List.of(names)).build();
  }

  private static DeltaDiscoveryRequest unsubscribe(String... names) {
    return DeltaDiscoveryRequest.newBuilder()
        .addAllResourceNamesUnsubscribe(List.of(names))
        .build();
  }

  private static List<String> names(DeltaSubscription.ResourceChanges changes) {
    return changes.changed().stream().map(ServedResource::name).toList();
  }

  @Test
  void state_of_the_world_is_sent_once_until_it_changes_or_a_name_is_added() {
    var subscription = new SotwSubscription(XdsTypes.ENDPOINT);
    Served one = served(endpoints("a", 1), endpoints("b", 1));
    subscription.request(sotw("", "a"));
    assertThat(subscription.next(one).orElseThrow().names()).hasSize(1);
    assertThat(subscription.next(one)).isEmpty();
    // Another service changed: nothing to send here.
    assertThat(subscription.next(served(endpoints("a", 1), endpoints("b", 2)))).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 2), endpoints("b", 2)))).isPresent();
    subscription.request(sotw("x", "a", "b"));
    assertThat(subscription.next(one).orElseThrow().names()).contains("b");
  }

  @Test
  void a_reconnecting_envoy_is_not_sent_what_it_has() {
    Served served = served(endpoints("a", 1));
    var first = new SotwSubscription(XdsTypes.ENDPOINT);
    first.request(sotw("", "a"));
    String version = first.next(served).orElseThrow().version();

    var again = new SotwSubscription(XdsTypes.ENDPOINT);
    again.request(sotw(version, "a"));
    assertThat(again.next(served)).isEmpty();

    var incremental = new DeltaSubscription(XdsTypes.ENDPOINT);
    incremental.request(
        subscribe("a").toBuilder()
            .putInitialResourceVersions("a", endpoints("a", 1).version())
            .build());
    assertThat(incremental.changes(served).none()).isTrue();
    assertThat(names(incremental.changes(served(endpoints("a", 2))))).containsExactly("a");
  }

  @Test
  void a_nack_repeats_nothing() {
    Served served = served(endpoints("a", 1));
    var subscription = new SotwSubscription(XdsTypes.ENDPOINT);
    subscription.request(sotw("", "a"));
    assertThat(subscription.next(served)).isPresent();
    // A NACK carries the version that the Envoy still has.
    subscription.request(sotw("", "a"));
    assertThat(subscription.next(served)).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 2)))).isPresent();
  }

  @Test
  void a_cluster_without_endpoints_yet_is_answered_when_they_are_there() {
    var subscription = new SotwSubscription(XdsTypes.ENDPOINT);
    subscription.request(sotw("", "a"));
    assertThat(subscription.next(served(endpoints("b", 1)))).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 1)))).isPresent();
  }

  @Test
  void a_wildcard_gets_everything_that_comes_and_goes() {
    var subscription = new DeltaSubscription(XdsTypes.CLUSTER);
    subscription.request(subscribe());
    assertThat(names(subscription.changes(served(cluster("a"))))).containsExactly("a");
    assertThat(names(subscription.changes(served(cluster("a"), cluster("b")))))
        .containsExactly("b");
    var changes = subscription.changes(served(cluster("b")));
    assertThat(changes.changed()).isEmpty();
    assertThat(changes.removed()).containsExactly("a");
    assertThat(subscription.changes(served(cluster("b"))).none()).isTrue();
  }

  @Test
  void a_name_that_does_not_exist_is_reported_absent_once() {
    var subscription = new DeltaSubscription(XdsTypes.ENDPOINT);
    subscription.request(subscribe("a", "missing"));
    var changes = subscription.changes(served(endpoints("a", 1)));
    assertThat(names(changes)).containsExactly("a");
    assertThat(changes.removed()).containsExactly("missing");
    assertThat(subscription.changes(served(endpoints("a", 1))).none()).isTrue();
    assertThat(names(subscription.changes(served(endpoints("a", 1), endpoints("missing", 1)))))
        .containsExactly("missing");
  }

  @Test
  void subscribing_again_sends_again_and_unsubscribing_ends_it() {
    Served served = served(endpoints("a", 1));
    var subscription = new DeltaSubscription(XdsTypes.ENDPOINT);
    subscription.request(subscribe("a"));
    assertThat(names(subscription.changes(served))).containsExactly("a");
    subscription.request(subscribe("a"));
    assertThat(names(subscription.changes(served))).containsExactly("a");
    subscription.request(unsubscribe("a"));
    assertThat(subscription.changes(served(endpoints("a", 2))).none()).isTrue();
  }
}
