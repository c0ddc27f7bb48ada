package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.StringValue;
import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.served.ServedServer;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.Resource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** What is sent by LEDS, and under which name of the collection. */
class LedsSubscriptionTest {
  private static final String A = "xdstp://x/s/a/";
  private static final String B = "xdstp://x/s/b/";
  private static final List<ServedCollection.Name> NAMES = List.of(name("a", A), name("b", B));

  private final CollectionLogs logs = new CollectionLogs();
  private final LedsAssignments assignments = new LedsAssignments();
  private final LedsSubscription members = new LedsSubscription(assignments, logs);
  private final Map<String, String> contents = new TreeMap<>();
  private Served served = new Served(List.of());

  private static ServedCollection.Name name(String variant, String prefix) {
    return new ServedCollection.Name(
        prefix,
        ServedResource.marked(
            variant + ".",
            "s",
            ClusterLoadAssignment.newBuilder().setClusterName("s" + variant).build()));
  }

  private void serve(String... keysAndContents) {
    for (int i = 0; i < keysAndContents.length; i += 2) {
      if (keysAndContents[i + 1].isEmpty()) {
        contents.remove(keysAndContents[i]);
      } else {
        contents.put(keysAndContents[i], keysAndContents[i + 1]);
      }
    }
    List<ServedServer> servers = new ArrayList<>();
    contents.forEach((key, value) -> servers.add(ServedServer.of(key, StringValue.of(value))));
    served = served.with(List.of(ServedCollection.of(XdsTypes.MEMBER, "s", servers, NAMES)));
    logs.serve(served);
  }

  private static DeltaDiscoveryRequest subscribe(String name) {
    return DeltaDiscoveryRequest.newBuilder().addResourceNamesSubscribe(name).build();
  }

  /** What the next response brings: names, and with a minus those that went. */
  private List<String> sent() throws Exception {
    Optional<Subscription.PendingResponse> reply = members.next(served, true);
    List<String> sent = new ArrayList<>();
    if (reply.isPresent()) {
      DeltaDiscoveryResponse response = DeltaDiscoveryResponse.parseFrom(reply.get().body());
      assertThat(response.getTypeUrl()).isEqualTo(XdsTypes.MEMBER);
      response.getResourcesList().stream().map(Resource::getName).forEach(sent::add);
      response.getRemovedResourcesList().forEach(name -> sent.add("-" + name));
    }
    return sent;
  }

  private String assigned() {
    return assignments.next(served, true).map(Subscription.PendingResponse::version).orElse("");
  }

  @Test
  void a_stream_is_sent_everything_and_then_what_it_has_not_seen() throws Exception {
    serve("1", "x", "2", "x");
    members.request(subscribe(A + "*"));
    assertThat(sent()).containsExactly(A + "1", A + "2");
    assertThat(sent()).isEmpty();
    serve("2", "y", "3", "x");
    serve("1", "", "3", "y");
    assertThat(sent()).containsExactly(A + "2", A + "3", "-" + A + "1");
    assertThat(sent()).isEmpty();
  }

  @Test
  void an_empty_collection_is_answered_and_so_is_one_that_nobody_knows() throws Exception {
    serve();
    members.request(subscribe(A + "*"));
    assertThat(sent()).containsExactly("-" + A + "*");
    assertThat(sent()).isEmpty();
    serve("1", "x");
    assertThat(sent()).containsExactly(A + "1");
    members.request(subscribe("xdstp://x/nobody/*"));
    assertThat(sent()).containsExactly("-xdstp://x/nobody/*");
    assertThat(sent()).isEmpty();
  }

  @Test
  void whoever_says_what_he_has_is_sent_the_rest() throws Exception {
    serve("1", "x", "2", "x");
    String version = served.collections().get("s").servers().get(0).version();
    members.request(
        subscribe(A + "*").toBuilder()
            .putInitialResourceVersions(A + "1", version)
            .putInitialResourceVersions(A + "gone", "old")
            .build());
    assertThat(sent()).containsExactly(A + "2", "-" + A + "gone");
    assertThat(sent()).isEmpty();
  }

  @Test
  void of_a_rejected_response_all_but_the_one_server_is_sent_in_the_end() throws Exception {
    serve("1", "x", "2", "bad", "3", "x", "4", "x", "5", "x");
    members.request(subscribe(A + "*"));
    List<String> taken = new ArrayList<>();
    int nacks = 0;
    for (List<String> reply = sent(); !reply.isEmpty(); reply = sent()) {
      if (reply.contains(A + "2")) {
        nacks++;
        members.rejected();
      } else {
        taken.addAll(reply);
      }
    }
    assertThat(taken).containsExactlyInAnyOrder(A + "1", A + "3", A + "4", A + "5");
    assertThat(nacks).as("responses that were rejected").isBetween(2, 4);
    serve("2", "good");
    assertThat(sent()).containsExactly(A + "2");
  }

  @Test
  void every_assignment_that_is_sent_gives_the_collection_another_name() throws Exception {
    serve("1", "x");
    assignments.request(subscribe("s"));
    assertThat(assigned()).startsWith("a.");
    assertThat(assigned()).isEmpty();
    members.request(subscribe(A + "*"));
    assertThat(sent()).containsExactly(A + "1");
    serve("1", "y");
    assertThat(assigned()).isEmpty();
    assertThat(sent()).containsExactly(A + "1");

    // A cluster was sent: it waits for its servers.
    assignments.forget(Set.of("s"));
    assertThat(assigned()).startsWith("b.");
    serve("2", "x");
    assertThat(sent()).as("under the name that holds no more").isEmpty();
    members.request(subscribe(B + "*"));
    assertThat(sent()).containsExactly(B + "1", B + "2");
  }

  @Test
  void an_envoy_that_comes_back_is_given_the_name_that_it_has_not() {
    serve("1", "x");
    for (ServedCollection.Name had : NAMES) {
      LedsAssignments back = new LedsAssignments();
      back.request(
          subscribe("s").toBuilder()
              .putInitialResourceVersions("s", had.assignment().version())
              .build());
      assertThat(back.next(served, true).orElseThrow().version())
          .startsWith(had.prefix().equals(A) ? "b." : "a.");
      assertThat(back.next(served, true)).isEmpty();
    }
  }

  @Test
  void an_envoy_that_had_eds_is_given_the_first_name_and_may_reject_it() {
    serve("1", "x");
    ServedResource whole =
        ServedResource.of("s", ClusterLoadAssignment.newBuilder().setClusterName("s").build());
    served = served.with(List.of(whole));
    assignments.request(
        subscribe("s").toBuilder().putInitialResourceVersions("s", "0123456789abcdef").build());
    assertThat(assigned()).startsWith("a.");
    assignments.fullList();
    assertThat(assigned()).isEqualTo(whole.version());
    assertThat(assigned()).isEmpty();
  }

  @Test
  void a_stream_that_slept_for_too_long_starts_over() throws Exception {
    serve("1", "x");
    assignments.request(subscribe("s"));
    assertThat(assigned()).startsWith("a.");
    members.request(subscribe(A + "*"));
    assertThat(sent()).containsExactly(A + "1");
    for (int i = 0; i < 3_000; i++) {
      serve("n" + i, "x", "n" + (i - 1), "");
    }
    assertThat(sent()).isEmpty();
    assertThat(assigned()).startsWith("b.");
    members.request(subscribe(B + "*"));
    assertThat(sent()).containsExactlyInAnyOrder(B + "1", B + "n2999");
  }

  @Test
  void a_response_has_no_bytes_before_it_is_sent_and_none_after() {
    for (int i = 0; i < 1_000; i++) {
      contents.put("k" + i, "x");
    }
    serve();
    members.request(subscribe(A + "*"));
    Subscription.PendingResponse reply = members.next(served, true).orElseThrow();
    Batch batch = logs.of("s").since(CollectionLog.NOTHING).orElseThrow();
    assertThat(batch.isEncoded()).isFalse();
    assertThat(reply.size()).as("about its size").isBetween(64 * 1024, 2 * reply.body().size());
    assertThat(batch.isEncoded()).isTrue();
    assertThat(reply.sent().body().size()).isZero();
    assertThat(reply.sent().version()).isEqualTo(reply.version());
  }

  @Test
  void a_collection_that_is_asked_for_again_comes_whole_after_what_has_gone_and_at_its_turn()
      throws Exception {
    serve("1", "x", "2", "x");
    members.request(subscribe(A + "*"));
    assertThat(sent()).containsExactly(A + "1", A + "2");
    serve("1", "y", "2", "");
    members.request(subscribe(A + "*"));
    assertThat(sent()).containsExactly(A + "1", "-" + A + "2");
    assertThat(members.next(served, false)).isEmpty();
    assertThat(members.owesRepeat()).isTrue();
    assertThat(members.next(served, true).orElseThrow().repeats()).isTrue();
    assertThat(sent()).isEmpty();
    // Unsubscribing in between makes no difference.
    members.request(
        DeltaDiscoveryRequest.newBuilder().addResourceNamesUnsubscribe(A + "*").build());
    members.request(subscribe(A + "*"));
    assertThat(members.next(served, false)).isEmpty();
    assertThat(sent()).containsExactly(A + "1");
  }

  @Test
  void a_refused_server_is_offered_again_as_it_is_then() throws Exception {
    serve("1", "x", "2", "x");
    members.request(subscribe(A + "*"));
    assertThat(sent()).hasSize(2);
    members.rejected();
    assertThat(sent()).containsExactly(A + "1");
    members.rejected();
    assertThat(sent()).containsExactly(A + "2");
    members.offerAgain(Set.of("1", "gone"));
    assertThat(sent()).containsExactly(A + "1");
    assertThat(sent()).isEmpty();
    members.offerAgain(Set.of("gone"));
    assertThat(sent()).isEmpty();
  }

  @Test
  void an_assignment_that_is_asked_for_again_comes_under_the_other_name() {
    serve("1", "x");
    assignments.request(subscribe("s"));
    String first = assigned();
    assertThat(assigned()).isEmpty();
    assignments.request(subscribe("s"));
    assertThat(assignments.next(served, false)).isEmpty();
    String second = assigned();
    assertThat(second).isNotEmpty().isNotEqualTo(first);
    assignments.request(subscribe("s"));
    assertThat(assigned()).isEqualTo(first);
    assertThat(assigned()).isEmpty();
  }
}
