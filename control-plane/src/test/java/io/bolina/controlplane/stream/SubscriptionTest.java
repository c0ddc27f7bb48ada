package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
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
    assertThat(subscription.next(one, true).orElseThrow().names()).hasSize(1);
    assertThat(subscription.next(one, true)).isEmpty();
    // Another service changed: nothing to send here.
    assertThat(subscription.next(served(endpoints("a", 1), endpoints("b", 2)), true)).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 2), endpoints("b", 2)), true)).isPresent();
    subscription.request(sotw("x", "a", "b"));
    assertThat(subscription.next(one, true).orElseThrow().names()).contains("b");
  }

  @Test
  void a_reconnecting_envoy_is_not_sent_what_it_has() {
    Served served = served(endpoints("a", 1));
    var first = new SotwSubscription(XdsTypes.ENDPOINT);
    first.request(sotw("", "a"));
    String version = first.next(served, true).orElseThrow().version();

    var again = new SotwSubscription(XdsTypes.ENDPOINT);
    again.request(sotw(version, "a"));
    assertThat(again.next(served, true)).isEmpty();

    var incremental = new DeltaSubscription(XdsTypes.ENDPOINT);
    incremental.request(
        subscribe("a").toBuilder()
            .putInitialResourceVersions("a", endpoints("a", 1).version())
            .build());
    assertThat(incremental.changes(served, true).none()).isTrue();
    assertThat(names(incremental.changes(served(endpoints("a", 2)), true))).containsExactly("a");
  }

  @Test
  void a_nack_repeats_nothing() {
    Served served = served(endpoints("a", 1));
    var subscription = new SotwSubscription(XdsTypes.ENDPOINT);
    subscription.request(sotw("", "a"));
    assertThat(subscription.next(served, true)).isPresent();
    // A NACK carries the version that the Envoy still has.
    subscription.request(sotw("", "a"));
    assertThat(subscription.next(served, true)).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 2)), true)).isPresent();
  }

  @Test
  void names_that_do_not_exist_are_answered_once_and_when_they_are_there() throws Exception {
    var subscription = new SotwSubscription(XdsTypes.ENDPOINT);
    subscription.request(sotw("", "a"));
    var response = subscription.next(served(endpoints("b", 1)), true).orElseThrow();
    assertThat(DiscoveryResponse.parseFrom(response.body()).getResourcesList()).isEmpty();
    assertThat(subscription.next(served(endpoints("b", 1)), true)).isEmpty();
    assertThat(subscription.next(served(endpoints("b", 2)), true)).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 1)), true)).isPresent();
  }

  @Test
  void a_wildcard_gets_everything_that_comes_and_goes() {
    var subscription = new DeltaSubscription(XdsTypes.CLUSTER);
    subscription.request(subscribe());
    assertThat(names(subscription.changes(served(cluster("a")), true))).containsExactly("a");
    assertThat(names(subscription.changes(served(cluster("a"), cluster("b")), true)))
        .containsExactly("b");
    var changes = subscription.changes(served(cluster("b")), true);
    assertThat(changes.changed()).isEmpty();
    assertThat(changes.removed()).containsExactly("a");
    assertThat(subscription.changes(served(cluster("b")), true).none()).isTrue();
  }

  @Test
  void a_name_that_does_not_exist_is_reported_absent_once() {
    var subscription = new DeltaSubscription(XdsTypes.ENDPOINT);
    subscription.request(subscribe("a", "missing"));
    var changes = subscription.changes(served(endpoints("a", 1)), true);
    assertThat(names(changes)).containsExactly("a");
    assertThat(changes.removed()).containsExactly("missing");
    assertThat(subscription.changes(served(endpoints("a", 1)), true).none()).isTrue();
    assertThat(
            names(subscription.changes(served(endpoints("a", 1), endpoints("missing", 1)), true)))
        .containsExactly("missing");
  }

  @Test
  void subscribing_again_sends_again_and_unsubscribing_ends_it() {
    Served served = served(endpoints("a", 1));
    var subscription = new DeltaSubscription(XdsTypes.ENDPOINT);
    subscription.request(subscribe("a"));
    assertThat(names(subscription.changes(served, true))).containsExactly("a");
    subscription.request(subscribe("a"));
    assertThat(names(subscription.changes(served, true))).containsExactly("a");
    subscription.request(unsubscribe("a"));
    assertThat(subscription.changes(served(endpoints("a", 2)), true).none()).isTrue();
  }

  private static SotwSubscription sotwClusters() {
    return new SotwSubscription(XdsTypes.CLUSTER);
  }

  @Test
  void naming_nothing_means_everything_only_for_who_never_named_anything() {
    Served served = served(cluster("a"), cluster("b"));
    var legacy = sotwClusters();
    legacy.request(sotw(""));
    assertThat(legacy.next(served, true).orElseThrow().names()).containsExactlyInAnyOrder("a", "b");

    var named = sotwClusters();
    named.request(sotw("", "a"));
    assertThat(named.next(served, true).orElseThrow().names()).containsExactly("a");
    named.request(sotw("x"));
    assertThat(named.next(served, true)).isEmpty();
    assertThat(named.next(served(cluster("a"), cluster("c")), true)).isEmpty();
    named.request(sotw("x", "*"));
    assertThat(named.next(served, true).orElseThrow().names()).contains("b");
    // Without the asterisk it has but what it names.
    named.request(sotw("x", "a"));
    named.next(served, true);
    assertThat(named.next(served(cluster("a"), cluster("c")), true)).isEmpty();
  }

  @Test
  void unsubscribing_from_one_of_several_is_no_reason_to_send_the_others() {
    var subscription = new SotwSubscription(XdsTypes.ENDPOINT);
    subscription.request(sotw("", "a", "b"));
    assertThat(subscription.next(served(endpoints("a", 1), endpoints("b", 1)), true)).isPresent();
    subscription.request(sotw("x", "a"));
    assertThat(subscription.next(served(endpoints("a", 1), endpoints("b", 1)), true)).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 1), endpoints("b", 2)), true)).isEmpty();
    assertThat(subscription.next(served(endpoints("a", 2), endpoints("b", 2)), true)).isPresent();
  }

  @Test
  void a_named_cluster_that_goes_is_left_out_of_a_response() {
    var subscription = sotwClusters();
    subscription.request(sotw("", "a", "b"));
    assertThat(subscription.next(served(cluster("a"), cluster("b")), true)).isPresent();
    assertThat(subscription.next(served(cluster("b")), true)).isPresent();
    assertThat(subscription.next(served(), true)).isPresent();
    assertThat(subscription.next(served(), true)).isEmpty();
  }

  @Test
  void under_a_wildcard_unsubscribing_from_a_name_is_answered_with_its_state() {
    Served served = served(cluster("a"), cluster("b"));
    var subscription = new DeltaSubscription(XdsTypes.CLUSTER);
    subscription.request(subscribe("*", "a", "missing"));
    assertThat(names(subscription.changes(served, true))).containsExactly("a", "b");
    subscription.request(unsubscribe("a", "missing", "never subscribed"));
    var changes = subscription.changes(served, true);
    assertThat(names(changes)).containsExactly("a");
    assertThat(changes.removed()).containsExactly("missing");
    // It still has everything, the wildcard's.
    assertThat(subscription.changes(served(cluster("b")), true).removed()).containsExactly("a");
  }

  @Test
  void a_wildcard_once_more_sends_all_once_more_and_without_it_only_names_stay() {
    Served served = served(cluster("a"), cluster("b"));
    var subscription = new DeltaSubscription(XdsTypes.CLUSTER);
    subscription.request(subscribe());
    assertThat(names(subscription.changes(served, true))).containsExactly("a", "b");
    subscription.request(subscribe("*"));
    assertThat(names(subscription.changes(served, true))).containsExactly("a", "b");
    assertThat(subscription.changes(served, true).none()).isTrue();
    subscription.request(subscribe("a"));
    assertThat(names(subscription.changes(served, true))).containsExactly("a");
    subscription.request(unsubscribe("*"));
    assertThat(subscription.changes(served(), true).removed()).containsExactly("a");
  }

  @Test
  void what_is_asked_for_again_waits_for_its_turn_and_what_changes_does_not() {
    var subscription = new DeltaSubscription(XdsTypes.ENDPOINT);
    subscription.request(subscribe("a", "b", "missing"));
    Served served = served(endpoints("a", 1), endpoints("b", 1));
    subscription.changes(served, true);
    subscription.request(subscribe("a", "b", "missing"));
    assertThat(subscription.changes(served, false).none()).isTrue();
    assertThat(subscription.owesRepeat()).isTrue();
    Served changed = served(endpoints("a", 2), endpoints("b", 1));
    var changes = subscription.changes(changed, false);
    assertThat(names(changes)).containsExactly("a");
    assertThat(changes.repeats()).isFalse();
    changes = subscription.changes(changed, true);
    assertThat(names(changes)).containsExactly("a", "b");
    assertThat(changes.removed()).containsExactly("missing");
    assertThat(changes.repeats()).isTrue();
    assertThat(subscription.owesRepeat()).isFalse();
    // Unsubscribing in between makes no difference.
    subscription.request(unsubscribe("b"));
    subscription.request(subscribe("b"));
    assertThat(subscription.changes(changed, false).none()).isTrue();
    assertThat(names(subscription.changes(changed, true))).containsExactly("b");
  }

  @Test
  void names_that_come_and_go_are_answered_at_a_pace() {
    Served served = served(endpoints("a", 1), endpoints("b", 1));
    var subscription = new SotwSubscription(XdsTypes.ENDPOINT);
    subscription.request(sotw("", "a", "b"));
    assertThat(subscription.next(served, false)).isPresent();
    subscription.request(sotw("x", "a"));
    subscription.next(served, false);
    subscription.request(sotw("x", "a", "b"));
    assertThat(subscription.next(served, false)).isEmpty();
    assertThat(subscription.owesRepeat()).isTrue();
    assertThat(subscription.next(served, true).orElseThrow().repeats()).isTrue();
    subscription.request(sotw("x", "a"));
    subscription.next(served, false);
    subscription.request(sotw("x", "a", "b"));
    assertThat(subscription.next(served(endpoints("a", 2), endpoints("b", 1)), false)).isPresent();
  }

  @Test
  void what_was_refused_is_offered_again_when_it_is_time_and_nothing_else() {
    Served served = served(endpoints("a", 1), endpoints("b", 1));
    var incremental = new DeltaSubscription(XdsTypes.ENDPOINT);
    incremental.request(subscribe("a", "b", "missing"));
    incremental.changes(served, true);
    incremental.offerAgain(Set.of("a", "missing", "gone"));
    var changes = incremental.changes(served, false);
    assertThat(names(changes)).containsExactly("a");
    assertThat(changes.removed()).isEmpty();
    assertThat(incremental.changes(served, true).none()).isTrue();

    var sotw = new SotwSubscription(XdsTypes.ENDPOINT);
    sotw.request(sotw("", "a"));
    sotw.next(served, true);
    sotw.offerAgain(Set.of("*"));
    assertThat(sotw.next(served, false)).isPresent();
    assertThat(sotw.next(served, false)).isEmpty();
  }
}
