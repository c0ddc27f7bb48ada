package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.config.ControlPlaneConfig;
import io.bolina.controlplane.identity.PeerRule;
import io.bolina.controlplane.identity.XdsAccess;
import io.bolina.controlplane.resources.EnvoyBootstrap;
import io.bolina.controlplane.resources.EnvoyTls;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.tls.TestAuthority;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.Resource;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.handler.ssl.SslContextBuilder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who is told anything over xDS, and that new certificates cost nobody its stream. */
class XdsTlsIT {
  private static final String PLANE = "control-plane.test";
  private static final String OTHER = "other";

  private Sandbox sandbox;
  private TestAuthority authority;

  /** The files of the control plane, and of the Envoy. */
  private Path planeFiles;

  private Path edgeFiles;

  @BeforeEach
  void start() throws Exception {
    sandbox = new Sandbox();
    authority = new TestAuthority(sandbox.directory().resolve("authority"));
    planeFiles = Files.createDirectories(sandbox.directory().resolve("plane"));
    edgeFiles = Files.createDirectories(sandbox.directory().resolve("edge"));
    put(authority.issue("dns:" + PLANE), planeFiles);
    put(authority.issue("dns:edge-1.edges.test"), edgeFiles);
    trust(authority.ca());
    sandbox.servers("b-1", "b-2");
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private static void put(TestAuthority.Issued issued, Path folder) throws IOException {
    issued.replace(folder.resolve("tls.crt"), folder.resolve("tls.key"));
  }

  /** Both ends trust these CAs from now on. */
  private void trust(Path... cas) throws IOException {
    StringBuilder bundle = new StringBuilder();
    for (Path ca : cas) {
      bundle.append(Files.readString(ca));
    }
    Path file = Files.writeString(sandbox.directory().resolve("bundle.pem"), bundle);
    TestAuthority.replace(planeFiles.resolve("ca.crt"), file);
    TestAuthority.replace(edgeFiles.resolve("ca.crt"), file);
  }

  private ControlPlane plane(UnaryOperator<ControlPlaneConfig> more, String... rules)
      throws IOException {
    return sandbox.controlPlane(
        "cp",
        config ->
            more.apply(
                config
                    .with(XdsAccess.CERT_FILE, planeFiles.resolve("tls.crt"))
                    .with(XdsAccess.KEY_FILE, planeFiles.resolve("tls.key"))
                    .with(XdsAccess.CLIENT_CA_FILE, planeFiles.resolve("ca.crt"))
                    .withAll(XdsAccess.PEER, Stream.of(rules).map(PeerRule::parse).toList())));
  }

  private ControlPlane plane(String... rules) throws IOException {
    return plane(UnaryOperator.identity(), rules);
  }

  private RealEnvoy envoy(HostPort xds, String serverName) throws IOException {
    EnvoyTls tls =
        new EnvoyTls(
            edgeFiles,
            edgeFiles.resolve("ca.crt"),
            Optional.of(
                new EnvoyTls.Own(edgeFiles.resolve("tls.crt"), edgeFiles.resolve("tls.key"))),
            Optional.of(serverName));
    for (var file : tls.files().entrySet()) {
      Files.writeString(edgeFiles.resolve(file.getKey()), file.getValue());
    }
    return sandbox.closed(
        RealEnvoy.start(
            RealPart.ENVOY.installed(),
            sandbox.directory(),
            "edge-1",
            EnvoyBootstrap.yaml(
                "edge-1",
                List.of(xds),
                Optional.of(tls),
                HostPort.parse("127.0.0.1:0"),
                Optional.empty(),
                EnvoyBootstrap.Protocol.INCREMENTAL,
                false,
                false),
            Map.of()));
  }

  private JsonNode onlyStream() throws IOException {
    JsonNode envoys = sandbox.fleet("cp").path("envoys");
    assertThat(envoys).hasSize(1);
    return envoys.get(0);
  }

  private double gauge(String name) {
    return sandbox.meters("cp").get(name).gauge().value();
  }

  // ------------------------------------------------------------ a client of the test's own

  private ManagedChannel channel(
      HostPort xds, TestAuthority trusted, Optional<TestAuthority.Issued> own) throws IOException {
    SslContextBuilder context = GrpcSslContexts.forClient().trustManager(trusted.ca().toFile());
    own.ifPresent(mine -> context.keyManager(mine.certificate().toFile(), mine.key().toFile()));
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(xds.socketAddress())
            .overrideAuthority(PLANE)
            .sslContext(context.build())
            .build();
    sandbox.closed(channel::shutdownNow);
    return channel;
  }

  private static Node node(String id) {
    return Node.newBuilder().setId(id).build();
  }

  private static XdsCall<DiscoveryRequest, DiscoveryResponse> ask(
      ManagedChannel channel, String id, String type, String... names) {
    return new XdsCall<DiscoveryRequest, DiscoveryResponse>(
            AggregatedDiscoveryServiceGrpc.newStub(channel)::streamAggregatedResources)
        .send(
            DiscoveryRequest.newBuilder()
                .setNode(node(id))
                .setTypeUrl(type)
                .addAllResourceNames(List.of(names))
                .build());
  }

  private static XdsCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> askDelta(
      ManagedChannel channel, String id, String type, String... names) {
    return new XdsCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(
            AggregatedDiscoveryServiceGrpc.newStub(channel)::deltaAggregatedResources)
        .send(
            DeltaDiscoveryRequest.newBuilder()
                .setNode(node(id))
                .setTypeUrl(type)
                .addAllResourceNamesSubscribe(List.of(names))
                .build());
  }

  private static boolean isAnswered(ManagedChannel channel, String id) throws InterruptedException {
    return ask(channel, id, XdsClient.CLUSTER_TYPE_URL)
        .receiveWithin(Duration.ofSeconds(2))
        .isPresent();
  }

  private static void assertToldNothing(ManagedChannel channel, String id, Status.Code reason)
      throws InterruptedException {
    var call = ask(channel, id, XdsClient.CLUSTER_TYPE_URL);
    assertThat(call.end().getCode()).isEqualTo(reason);
    assertThat(call.hasResponse()).isFalse();
    var delta = askDelta(channel, id, XdsClient.CLUSTER_TYPE_URL);
    assertThat(delta.end().getCode()).isEqualTo(reason);
    assertThat(delta.hasResponse()).isFalse();
  }

  // ------------------------------------------------------------ the tests

  @Test
  void both_ends_certificates_and_their_ca_are_replaced_and_no_stream_is_lost() throws Exception {
    HostPort xds = plane("*.edges.test=*").xds();
    RealEnvoy envoy = envoy(xds, PLANE);
    await().until(() -> envoy.servers(SERVICE).size() == 2);
    JsonNode stream = onlyStream();
    assertThat(stream.path("identity").asText()).isEqualTo("DNS:edge-1.edges.test");

    TestAuthority next = new TestAuthority(sandbox.directory().resolve("next"));
    TestAuthority.Issued byNext = next.issue("dns:edge-1.edges.test");
    TestAuthority.Issued byOld = authority.issue("dns:edge-1.edges.test");
    trust(authority.ca(), next.ca());
    put(next.issue("dns:" + PLANE), planeFiles);
    put(byNext, edgeFiles);
    await("the new certificate is shown, and the old CA still trusted")
        .until(() -> isAnswered(channel(xds, next, Optional.of(byOld)), "edge-1"));
    trust(next.ca());
    await("the old CA is not trusted any more")
        .until(() -> !isAnswered(channel(xds, next, Optional.of(byOld)), "edge-1"));
    assertToldNothing(channel(xds, next, Optional.of(byOld)), "edge-1", Status.Code.UNAVAILABLE);

    assertThat(sandbox.fleet("cp").path("envoys"))
        .as("the stream that was up at first")
        .anySatisfy(
            e -> {
              assertThat(e.path("peer")).isEqualTo(stream.path("peer"));
              assertThat(e.path("connectedAt")).isEqualTo(stream.path("connectedAt"));
            });
    sandbox.server("b-3");
    await("what it is sent").until(() -> envoy.servers(SERVICE).size() == 3);

    // And the Envoy has read its files again: what it had before gets it nowhere.
    sandbox.stop("cp");
    assertThat(plane("*.edges.test=*").xds()).isEqualTo(xds);
    sandbox.server("b-4");
    await("a new connection").until(() -> envoy.servers(SERVICE).size() == 4);
    assertThat(onlyStream().path("node").asText()).isEqualTo("edge-1");
  }

  @Test
  void a_stranger_is_told_nothing() throws Exception {
    HostPort xds = plane("*.edges.test=*").xds();
    TestAuthority another = new TestAuthority(sandbox.directory().resolve("another"));
    String name = "dns:edge-1.edges.test";
    var own = Optional.of(authority.issue(name));
    assertThat(ask(channel(xds, authority, own), "edge-1", XdsClient.CLUSTER_TYPE_URL).receive())
        .isNotNull();
    assertToldNothing(channel(xds, authority, Optional.empty()), "edge-1", Status.Code.UNAVAILABLE);
    assertToldNothing(
        channel(xds, authority, Optional.of(another.issue(name))),
        "edge-1",
        Status.Code.UNAVAILABLE);
    assertToldNothing(
        channel(xds, authority, Optional.of(authority.issueExpired(name))),
        "edge-1",
        Status.Code.UNAVAILABLE);
    for (String other :
        List.of("dns:edge-1.test", "dns:edges.test", "uri:spiffe://x/edge-1.edges.test")) {
      assertToldNothing(
          channel(xds, authority, Optional.of(authority.issue(other))),
          "edge-1",
          Status.Code.PERMISSION_DENIED);
    }
    assertToldNothing(
        channel(xds, authority, Optional.of(authority.issue())),
        "edge-1",
        Status.Code.PERMISSION_DENIED);
    // A name of another's, and none at all.
    assertToldNothing(channel(xds, authority, own), "edge-2", Status.Code.PERMISSION_DENIED);
    assertToldNothing(channel(xds, authority, own), "", Status.Code.PERMISSION_DENIED);
    ManagedChannel plain =
        NettyChannelBuilder.forAddress(xds.socketAddress()).usePlaintext().build();
    sandbox.closed(plain::shutdownNow);
    assertToldNothing(plain, "edge-1", Status.Code.UNAVAILABLE);
    for (String kind : List.of("xds-tls", "xds-peer", "xds-node")) {
      assertThat(sandbox.meters("cp").get("bolina.bad.input").tag("kind", kind).counter().count())
          .as(kind)
          .isPositive();
    }
  }

  @Test
  void a_peer_sees_its_services_and_nothing_of_others() throws Exception {
    UdpService other = new UdpService(OTHER, "127.0.0.1", FreePort.udp());
    sandbox.consul().api().register(OTHER, "o-1", "127.0.0.1", 7001);
    HostPort xds =
        plane(
                config -> config.withServices(List.of(sandbox.service(), other)),
                "*.edges.test=" + SERVICE,
                "spiffe://test/boss/*=*")
            .xds();
    RealEnvoy envoy = envoy(xds, PLANE);
    await().until(() -> envoy.servers(SERVICE).size() == 2);
    assertThat(envoy.clusterVersions()).containsOnlyKeys(SERVICE);

    ManagedChannel boss =
        channel(xds, authority, Optional.of(authority.issue("uri:spiffe://test/boss/b")));
    assertThat(ask(boss, "b", XdsClient.CLUSTER_TYPE_URL).receive().getResourcesCount())
        .isEqualTo(2);
    String collection =
        askDelta(boss, "b", XdsClient.ENDPOINT_TYPE_URL, OTHER)
            .receive()
            .getResources(0)
            .getResource()
            .unpack(io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment.class)
            .getEndpoints(0)
            .getLedsClusterLocalityConfig()
            .getLedsCollectionName();
    assertThat(collection).contains(OTHER);

    ManagedChannel edge =
        channel(xds, authority, Optional.of(authority.issue("dns:edge-2.edges.test")));
    for (String type : List.of(XdsClient.CLUSTER_TYPE_URL, XdsClient.LISTENER_TYPE_URL)) {
      assertThat(ask(edge, "edge-2", type).receive().getResourcesCount()).isEqualTo(1);
      assertThat(ask(edge, "edge-2", type, OTHER, SERVICE).receive().getResourcesCount())
          .isEqualTo(1);
      assertThat(names(askDelta(edge, "edge-2", type).receive())).containsExactly(SERVICE);
      assertThat(askDelta(edge, "edge-2", type, OTHER).receive().getRemovedResourcesList())
          .containsExactly(OTHER);
    }
    assertThat(
            ask(edge, "edge-2", XdsClient.ENDPOINT_TYPE_URL, OTHER).receive().getResourcesCount())
        .isZero();
    assertThat(
            askDelta(edge, "edge-2", XdsClient.ENDPOINT_TYPE_URL, OTHER)
                .receive()
                .getRemovedResourcesList())
        .containsExactly(OTHER);
    assertThat(
            askDelta(edge, "edge-2", XdsClient.MEMBER_TYPE_URL, collection)
                .receive()
                .getRemovedResourcesList())
        .containsExactly(collection);
  }

  private static List<String> names(DeltaDiscoveryResponse response) {
    return response.getResourcesList().stream().map(Resource::getName).toList();
  }

  @Test
  void files_that_do_not_fit_or_are_expired_change_nothing() throws Exception {
    HostPort xds = plane("*.edges.test=*").xds();
    var own = Optional.of(authority.issue("dns:edge-1.edges.test"));
    Path certificate = planeFiles.resolve("tls.crt");
    for (TestAuthority.Issued wrong :
        List.of(
            new TestAuthority.Issued(
                certificate, authority.issue("dns:" + PLANE).key()), // not its own
            authority.issueExpired("dns:" + PLANE))) {
      wrong.replace(certificate, planeFiles.resolve("tls.key"));
      await().until(() -> gauge("bolina.xds.certificate.valid") == 0);
      assertThat(gauge("bolina.xds.certificate.seconds.left")).isPositive();
      assertThat(ask(channel(xds, authority, own), "edge-1", XdsClient.CLUSTER_TYPE_URL).receive())
          .as("by the certificate that was there before")
          .isNotNull();
      put(authority.issue("dns:" + PLANE), planeFiles);
      await().until(() -> gauge("bolina.xds.certificate.valid") == 1);
    }
    Files.delete(certificate);
    await().until(() -> gauge("bolina.xds.certificate.valid") == 0);
    assertThat(ask(channel(xds, authority, own), "edge-1", XdsClient.CLUSTER_TYPE_URL).receive())
        .isNotNull();
  }

  @Test
  void an_envoy_trusts_no_control_plane_of_another_name() throws Exception {
    HostPort xds = plane("*.edges.test=*").xds();
    RealEnvoy envoy = envoy(xds, "another.test");
    await().until(() -> envoy.stat("cluster.bolina-control-plane.ssl.fail_verify_san") > 0);
    assertThat(envoy.clusterVersions()).isEmpty();
    assertThat(sandbox.fleet("cp").path("envoys")).isEmpty();
  }

  @Test
  void a_plain_port_beside_serves_those_who_are_yet_to_be_moved() throws Exception {
    int port = FreePort.tcp();
    plane(
        config -> config.with(XdsAccess.PLAIN, new HostPort("127.0.0.1", port)), "*.edges.test=*");
    try (XdsClient client = new XdsClient(new HostPort("127.0.0.1", port))) {
      assertThat(client.first(XdsClient.CLUSTER_TYPE_URL).getResourcesCount()).isEqualTo(1);
    }
  }
}
