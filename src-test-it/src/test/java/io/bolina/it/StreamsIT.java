package io.bolina.it;

import static io.bolina.it.XdsClient.CLUSTER_TYPE_URL;
import static io.bolina.it.XdsClient.ENDPOINT_TYPE_URL;
import static io.bolina.it.XdsClient.LISTENER_TYPE_URL;
import static io.bolina.it.XdsClient.MEMBER_TYPE_URL;
import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Value;
import com.google.rpc.Status;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.Chooser;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.service.cluster.v3.ClusterDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.Resource;
import io.envoyproxy.envoy.service.endpoint.v3.EndpointDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.listener.v3.ListenerDiscoveryServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The xDS services as the protocol has them, called without Envoy. */
@ParameterizedClass
@EnumSource(Chooser.class)
class StreamsIT {
  @Parameter private Chooser chooser;
  private Sandbox sandbox;
  private InMemoryRegistry registry;
  private ControlPlane plane;
  private ManagedChannel channel;

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox(chooser);
    plane =
        sandbox.controlPlane(
            "cp",
            UnaryOperator.identity(),
            r -> {
              registry = r.inMemory();
              registry.register(
                  new Server("b-1", SERVICE, "127.0.0.1", 7001, "", Map.of()), Health.PASSING);
              registry.register(
                  new Server("b-2", SERVICE, "127.0.0.1", 7002, "", Map.of()), Health.PASSING);
              return registry;
            });
    await().until(plane::ready);
    channel =
        NettyChannelBuilder.forAddress(plane.xds().host(), plane.xds().port())
            .usePlaintext()
            .build();
  }

  @AfterEach
  void close() {
    channel.shutdownNow();
    sandbox.close();
  }

  /** The name of the service's cluster and servers. */
  private String name() {
    return chooser == Chooser.MODULE ? EnvoyResources.tokenName(SERVICE) : SERVICE;
  }

  private Node node() {
    Node.Builder node = Node.newBuilder().setId("by-hand");
    if (chooser == Chooser.MODULE) {
      // What an Envoy says of itself whose bootstrap asks for tokens.
      for (var entry : Map.of("bolina.gate", "v0.2.0", "bolina.tokens", "on").entrySet()) {
        Value value = Value.newBuilder().setStringValue(entry.getValue()).build();
        node.getMetadataBuilder().putFields(entry.getKey(), value);
      }
      for (String kind : List.of("filters.udp_listener", "load_balancing_policies")) {
        node.addExtensionsBuilder().setName("envoy." + kind + ".dynamic_modules");
      }
      node.getUserAgentBuildVersionBuilder()
          .getVersionBuilder()
          .setMajorNumber(1)
          .setMinorNumber(40);
    }
    return node.build();
  }

  private DiscoveryRequest.Builder ask(String type, String... names) {
    return DiscoveryRequest.newBuilder()
        .setNode(node())
        .setTypeUrl(type)
        .addAllResourceNames(List.of(names));
  }

  private DeltaDiscoveryRequest.Builder askIncremental(String type, String... names) {
    return DeltaDiscoveryRequest.newBuilder()
        .setNode(node())
        .setTypeUrl(type)
        .addAllResourceNamesSubscribe(List.of(names));
  }

  /** How many clusters there are: with the gate, one more has its rules. */
  private int clusters() {
    return chooser == Chooser.MODULE ? 2 : 1;
  }

  private XdsCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> newIncremental() {
    return new XdsCall<>(AggregatedDiscoveryServiceGrpc.newStub(channel)::deltaAggregatedResources);
  }

  private XdsCall<DiscoveryRequest, DiscoveryResponse> newStateOfTheWorld() {
    return new XdsCall<>(
        AggregatedDiscoveryServiceGrpc.newStub(channel)::streamAggregatedResources);
  }

  /** One that has its clusters, without which an Envoy with tokens is told no servers. */
  private XdsCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> incremental()
      throws InterruptedException {
    var call = newIncremental();
    if (chooser == Chooser.MODULE) {
      call.send(answer(call.send(askIncremental(CLUSTER_TYPE_URL).build()).receive()));
    }
    return call;
  }

  /** The same in the other variant. */
  private XdsCall<DiscoveryRequest, DiscoveryResponse> stateOfTheWorld()
      throws InterruptedException {
    var call = newStateOfTheWorld();
    if (chooser == Chooser.MODULE) {
      DiscoveryResponse clusters = call.send(ask(CLUSTER_TYPE_URL).build()).receive();
      call.send(
          ask(CLUSTER_TYPE_URL)
              .setVersionInfo(clusters.getVersionInfo())
              .setResponseNonce(clusters.getNonce())
              .build());
    }
    return call;
  }

  @Test
  void the_separate_services_answer_in_both_variants_with_or_without_a_type() throws Exception {
    var eds = EndpointDiscoveryServiceGrpc.newStub(channel);
    var cds = ClusterDiscoveryServiceGrpc.newStub(channel);
    var lds = ListenerDiscoveryServiceGrpc.newStub(channel);
    for (String type : new String[] {ENDPOINT_TYPE_URL, ""}) {
      DiscoveryResponse response =
          new XdsCall<>(eds::streamEndpoints).send(ask(type, SERVICE).build()).receive();
      assertThat(response.getTypeUrl()).isEqualTo(ENDPOINT_TYPE_URL);
      assertThat(
              response
                  .getResources(0)
                  .unpack(ClusterLoadAssignment.class)
                  .getEndpoints(0)
                  .getLbEndpointsCount())
          .isEqualTo(2);
    }
    assertThat(
            new XdsCall<>(cds::streamClusters)
                .send(ask(CLUSTER_TYPE_URL).build())
                .receive()
                .getResourcesCount())
        .isEqualTo(clusters());
    assertThat(
            new XdsCall<>(lds::streamListeners)
                .send(ask(LISTENER_TYPE_URL).build())
                .receive()
                .getResourcesCount())
        .isEqualTo(1);
    assertThat(
            new XdsCall<>(eds::deltaEndpoints)
                .send(askIncremental(ENDPOINT_TYPE_URL, SERVICE).build())
                .receive()
                .getResources(0)
                .getName())
        .isEqualTo(SERVICE);
    assertThat(
            new XdsCall<>(cds::deltaClusters)
                .send(askIncremental(CLUSTER_TYPE_URL).build())
                .receive()
                .getResourcesList())
        .extracting(Resource::getName)
        .contains(SERVICE);
    assertThat(
            new XdsCall<>(lds::deltaListeners)
                .send(askIncremental(LISTENER_TYPE_URL).build())
                .receive()
                .getResources(0)
                .getName())
        .isEqualTo(SERVICE);
  }

  @Test
  void an_envoy_that_never_answers_gets_no_second_response_and_delays_nobody() throws Exception {
    var silent = stateOfTheWorld();
    String nonce = silent.send(ask(ENDPOINT_TYPE_URL, name()).build()).receive().getNonce();
    var lively = stateOfTheWorld();
    DiscoveryResponse last = lively.send(ask(ENDPOINT_TYPE_URL, name()).build()).receive();
    for (int i = 0; i < 20; i++) {
      registry.health("b-1", i % 2 == 0 ? Health.CRITICAL : Health.PASSING, "");
      lively.send(
          ask(ENDPOINT_TYPE_URL, name())
              .setVersionInfo(last.getVersionInfo())
              .setResponseNonce(last.getNonce())
              .build());
      last = lively.receive();
    }
    assertThat(silent.hasResponse()).isFalse();
    // When it answers at last, it gets the newest state in one response.
    registry.load("b-2", LoadReport.of(0.6));
    lively.send(
        ask(ENDPOINT_TYPE_URL, name())
            .setVersionInfo(last.getVersionInfo())
            .setResponseNonce(last.getNonce())
            .build());
    String newest = lively.receive().getVersionInfo();
    silent.send(
        ask(ENDPOINT_TYPE_URL, name()).setResponseNonce(nonce).setVersionInfo("old").build());
    assertThat(silent.receive().getVersionInfo()).isEqualTo(newest);
    assertThat(silent.hasResponse()).isFalse();
  }

  @Test
  void a_request_that_makes_no_sense_ends_its_own_stream_with_a_reason_and_no_other()
      throws Exception {
    var good = stateOfTheWorld();
    DiscoveryResponse first = good.send(ask(ENDPOINT_TYPE_URL, name()).build()).receive();

    var untyped = stateOfTheWorld();
    untyped.send(ask("").build());
    io.grpc.Status end = untyped.end();
    assertThat(end.getCode()).isEqualTo(io.grpc.Status.Code.INVALID_ARGUMENT);
    assertThat(end.getDescription()).contains("type_url");

    // A type that is not served gets no answer, and a warning; the stream lives.
    good.send(ask("type.googleapis.com/envoy.config.route.v3.RouteConfiguration").build());
    registry.health("b-1", Health.CRITICAL, "");
    good.send(
        ask(ENDPOINT_TYPE_URL, name())
            .setVersionInfo(first.getVersionInfo())
            .setResponseNonce(first.getNonce())
            .build());
    assertThat(good.receive().getTypeUrl()).isEqualTo(ENDPOINT_TYPE_URL);
    await()
        .until(
            () ->
                sandbox
                    .meters("cp")
                    .scrape()
                    .contains("bolina_bad_input_total{kind=\"xds-type\"} 1.0"));
  }

  private static DeltaDiscoveryRequest answer(DeltaDiscoveryResponse response) {
    return DeltaDiscoveryRequest.newBuilder()
        .setTypeUrl(response.getTypeUrl())
        .setResponseNonce(response.getNonce())
        .build();
  }

  /** Subscribes to the servers one by one, as an Envoy does that has what it says. */
  private XdsCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> oneByOne(
      List<String> collections, String... had) throws Exception {
    var call = incremental();
    DeltaDiscoveryRequest.Builder request = askIncremental(ENDPOINT_TYPE_URL, name());
    for (String version : had) {
      request.putInitialResourceVersions(name(), version);
    }
    DeltaDiscoveryResponse response = call.send(request.build()).receive();
    ClusterLoadAssignment assignment =
        response.getResources(0).getResource().unpack(ClusterLoadAssignment.class);
    String collection =
        assignment.getEndpoints(0).getLedsClusterLocalityConfig().getLedsCollectionName();
    collections.add(collection);
    collections.add(response.getResources(0).getVersion());
    return call.send(answer(response)).send(askIncremental(MEMBER_TYPE_URL, collection).build());
  }

  private static List<String> servers(DeltaDiscoveryResponse response) {
    return response.getResourcesList().stream()
        .map(resource -> resource.getName().replaceFirst(".*/", ""))
        .filter(name -> !name.startsWith("240.")) // which are no servers but have their tokens
        .toList();
  }

  @Test
  void one_by_one_a_change_is_small_and_a_slow_stream_finds_the_newest_state_once()
      throws Exception {
    List<String> collections = new ArrayList<>();
    var quick = oneByOne(new ArrayList<>());
    var call = oneByOne(collections);
    DeltaDiscoveryResponse all = call.receive();
    assertThat(servers(all)).containsExactly("127.0.0.1-7001", "127.0.0.1-7002");
    for (int i = 0; i < 9; i++) {
      registry.health("b-1", i % 2 == 0 ? Health.CRITICAL : Health.PASSING, "");
      registry.load("b-1", LoadReport.of(i / 10.0));
    }
    registry.deregister("b-2");
    registry.register(new Server("b-3", SERVICE, "127.0.0.1", 7003, "", Map.of()), Health.PASSING);
    await().until(() -> sandbox.fleet("cp").at("/services/0/servers").size() == 3);
    // Another stream, which answers, gets all of it; this one has been offered it too.
    String version = chooser == Chooser.MODULE ? "versionWithTokens" : "version";
    String newest = sandbox.fleet("cp").at("/services/0/" + version).asText();
    for (DeltaDiscoveryResponse received = quick.receive();
        !received.getSystemVersionInfo().equals(newest);
        received = quick.receive()) {
      quick.send(answer(received));
    }
    assertThat(call.hasResponse()).isFalse();
    DeltaDiscoveryResponse news = call.send(answer(all)).receive();
    assertThat(servers(news))
        .containsExactlyInAnyOrder("127.0.0.1-7001", "127.0.0.1-7002", "127.0.0.1-7003");
    call.send(answer(news));

    registry.health("b-1", Health.PASSING, "");
    DeltaDiscoveryResponse one = call.receive();
    assertThat(servers(one)).containsExactly("127.0.0.1-7001");
    assertThat(one.getSerializedSize()).as("bytes of a change").isLessThan(300);
  }

  @Test
  void one_by_one_a_refused_server_keeps_no_other_from_an_envoy() throws Exception {
    var call = oneByOne(new ArrayList<>());
    List<String> taken = new ArrayList<>();
    int refusals = 0;
    boolean alone = false;
    while (!alone || taken.isEmpty()) {
      DeltaDiscoveryResponse response = call.receive();
      boolean bad = servers(response).contains("127.0.0.1-7001");
      if (bad) {
        refusals++;
        alone = response.getResourcesCount() == 1;
      } else {
        taken.addAll(servers(response));
      }
      call.send(
          bad
              ? answer(response).toBuilder()
                  .setErrorDetail(Status.newBuilder().setMessage("not this one"))
                  .build()
              : answer(response));
    }
    assertThat(taken).containsExactly("127.0.0.1-7002");
    String refused = "bolina_xds_nacks_total{type=\"LEDS\"} " + refusals + ".0";
    await().until(() -> sandbox.meters("cp").scrape().contains(refused));
    registry.load("b-2", LoadReport.of(0.6));
    DeltaDiscoveryResponse next = call.receive();
    while (servers(next).isEmpty()) { // tokens, which the refused server kept back
      next = call.send(answer(next)).receive();
    }
    assertThat(servers(next)).containsExactly("127.0.0.1-7002");
  }

  @Test
  void one_by_one_whoever_comes_back_gets_the_collection_by_its_other_name() throws Exception {
    List<String> said = new ArrayList<>();
    assertThat(servers(oneByOne(said).receive())).hasSize(2);
    assertThat(servers(oneByOne(said, said.get(1)).receive())).hasSize(2);
    assertThat(servers(oneByOne(said, said.get(3)).receive())).hasSize(2);
    assertThat(said.get(2)).isNotEqualTo(said.get(0));
    assertThat(said.get(4)).isEqualTo(said.get(0));
  }

  @Test
  void an_envoy_that_rejects_leds_gets_the_full_list() throws Exception {
    var call = incremental();
    DeltaDiscoveryResponse first =
        call.send(askIncremental(ENDPOINT_TYPE_URL, name()).build()).receive();
    DeltaDiscoveryResponse second =
        call.send(
                answer(first).toBuilder()
                    .setErrorDetail(Status.newBuilder().setMessage("what is that?"))
                    .build())
            .receive();
    assertThat(
            second
                .getResources(0)
                .getResource()
                .unpack(ClusterLoadAssignment.class)
                .getEndpoints(0)
                .getLbEndpointsList())
        .extracting(member -> member.getEndpoint().getAddress().getSocketAddress().getPortValue())
        .contains(7001, 7002);
  }

  private static DeltaDiscoveryRequest repeating(
      DeltaDiscoveryResponse response, boolean accepted, String... names) {
    DeltaDiscoveryRequest.Builder request =
        answer(response).toBuilder().addAllResourceNamesSubscribe(List.of(names));
    if (!accepted) {
      request.setErrorDetail(Status.newBuilder().setMessage("no"));
    }
    return request.build();
  }

  /** As Contour's own xDS client does: it says all of its names with each answer. */
  @ParameterizedTest
  @CsvSource({
    "envoy.config.cluster.v3.Cluster, bolina, true",
    "envoy.config.cluster.v3.Cluster, *, true",
    "envoy.config.endpoint.v3.ClusterLoadAssignment, bolina, true",
    "envoy.config.endpoint.v3.LbEndpoint, collection, false",
    "envoy.config.endpoint.v3.LbEndpoint, unknown, true"
  })
  void who_asks_for_the_same_with_every_answer_gets_it_at_a_pace(
      String type, String name, boolean accepted) throws Exception {
    String wanted =
        switch (name) {
          case "collection" -> EnvoyResources.collectionPrefix(name(), "a") + "*";
          case SERVICE -> name();
          default -> name;
        };
    var call = type.endsWith("Cluster") ? newIncremental() : incremental();
    var responses = new ArrayList<DeltaDiscoveryResponse>();
    call.send(askIncremental("type.googleapis.com/" + type, wanted).build());
    DeltaDiscoveryResponse last = call.receive();
    for (Optional<DeltaDiscoveryResponse> next = Optional.of(last);
        next.isPresent() && responses.size() < 1_000;
        next = call.receiveWithin(Duration.ofSeconds(2))) {
      last = next.get();
      responses.add(last);
      call.send(repeating(last, accepted, wanted));
    }
    // What is refused comes in parts besides, each time: 3 of two servers, 7 with their tokens.
    assertThat(responses).hasSizeBetween(2, accepted || (chooser == Chooser.ENVOY) ? 50 : 120);
    if (type.endsWith("ClusterLoadAssignment")) {
      // Envoy must not be sent one twice that has the same name of the collection (docs/leds.md).
      for (int i = 1; i < responses.size(); i++) {
        assertThat(responses.get(i).getResources(0).getVersion())
            .isNotEqualTo(responses.get(i - 1).getResources(0).getVersion());
      }
    }
    // It is sent again all the same, some seconds later.
    call.receive();
  }

  @Test
  void who_asks_for_the_same_with_every_answer_gets_changes_at_once() throws Exception {
    var call = incremental();
    String collection = EnvoyResources.collectionPrefix(name(), "a") + "*";
    call.send(askIncremental(MEMBER_TYPE_URL, collection).build());
    for (Optional<DeltaDiscoveryResponse> next = Optional.of(call.receive());
        next.isPresent();
        next = call.receiveWithin(Duration.ofSeconds(1))) {
      call.send(repeating(next.get(), true, collection));
    }
    for (int i = 0; i < 5; i++) {
      registry.load("b-1", LoadReport.of(0.1 * i + 0.05));
      registry.health("b-1", i % 2 == 0 ? Health.CRITICAL : Health.PASSING, "");
    }
    boolean told = false;
    while (!told) {
      DeltaDiscoveryResponse response = call.receive();
      told = servers(response).equals(List.of("127.0.0.1-7001"));
      call.send(repeating(response, true, collection));
    }
  }

  @Test
  void a_subscription_in_an_answer_to_an_older_response_counts() throws Exception {
    var call = newIncremental();
    DeltaDiscoveryResponse first = call.send(askIncremental(CLUSTER_TYPE_URL).build()).receive();
    call.send(answer(first));
    call.send(askIncremental(ENDPOINT_TYPE_URL, "unknown").build());
    DeltaDiscoveryResponse second = call.receive();
    assertThat(second.getRemovedResourcesList()).containsExactly("unknown");
    // Not the nonce of the response that is to be answered, but one that was sent on this stream.
    call.send(
        DeltaDiscoveryRequest.newBuilder()
            .setTypeUrl(ENDPOINT_TYPE_URL)
            .setResponseNonce(first.getNonce())
            .addResourceNamesSubscribe(name())
            .build());
    assertThat(call.receiveWithin(Duration.ofMillis(500))).as("before the ACK").isEmpty();
    DeltaDiscoveryResponse third = call.send(answer(second)).receive();
    assertThat(third.getResources(0).getName()).isEqualTo(name());
    // Nor a nonce that was never sent on it, as after reconnecting.
    call.send(answer(third));
    call.send(
        DeltaDiscoveryRequest.newBuilder()
            .setTypeUrl(LISTENER_TYPE_URL)
            .setResponseNonce("of another stream")
            .addResourceNamesSubscribe(SERVICE)
            .build());
    assertThat(call.receive().getResources(0).getName()).isEqualTo(SERVICE);
    assertThat(sandbox.meters("cp").scrape())
        .contains("bolina_bad_input_total{kind=\"xds-nonce\"} 1.0");
  }

  @Test
  void names_that_are_taken_back_are_no_wildcard_and_a_wildcard_is_asked_for_by_name()
      throws Exception {
    var call = newStateOfTheWorld();
    DiscoveryResponse first = call.send(ask(CLUSTER_TYPE_URL, name()).build()).receive();
    assertThat(first.getResourcesCount()).isEqualTo(1);
    DiscoveryRequest.Builder ack =
        ask(CLUSTER_TYPE_URL)
            .setVersionInfo(first.getVersionInfo())
            .setResponseNonce(first.getNonce());
    call.send(ack.build());
    assertThat(call.receiveWithin(Duration.ofMillis(500))).as("nothing is subscribed").isEmpty();
    assertThat(call.send(ack.addResourceNames("*").build()).receive().getResourcesCount())
        .isEqualTo(clusters());
  }

  @Test
  void under_a_wildcard_unsubscribing_from_a_name_is_answered() throws Exception {
    var call = newIncremental();
    DeltaDiscoveryResponse first =
        call.send(askIncremental(CLUSTER_TYPE_URL, "*", name(), "unknown").build()).receive();
    assertThat(first.getRemovedResourcesList()).containsExactly("unknown");
    call.send(answer(first));
    DeltaDiscoveryResponse second =
        call.send(
                DeltaDiscoveryRequest.newBuilder()
                    .setTypeUrl(CLUSTER_TYPE_URL)
                    .addResourceNamesUnsubscribe(name())
                    .addResourceNamesUnsubscribe("unknown")
                    .addResourceNamesUnsubscribe("never subscribed")
                    .build())
            .receive();
    assertThat(second.getResourcesList()).extracting(Resource::getName).contains(name());
    assertThat(second.getRemovedResourcesList()).containsExactly("unknown");
    DeltaDiscoveryResponse third =
        call.send(answer(second)).send(askIncremental(CLUSTER_TYPE_URL, "*").build()).receive();
    assertThat(third.getResourcesList()).extracting(Resource::getName).contains(name());
  }

  @Test
  void who_subscribes_to_ever_more_names_ends_its_own_stream() throws Exception {
    var call = newIncremental();
    for (int i = 0; i < 11; i++) {
      var request = askIncremental(CLUSTER_TYPE_URL);
      for (int j = 0; j < 10_000; j++) {
        request.addResourceNamesSubscribe("n-" + i + "-" + j);
      }
      call.send(request.build());
    }
    assertThat(call.end().getDescription()).contains("names");
  }
}
