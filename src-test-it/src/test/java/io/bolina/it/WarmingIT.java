package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.awaitility.Awaitility.await;

import com.google.protobuf.Any;
import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.RealPart;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.Resource;
import io.grpc.Server;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * An Envoy was sent a cluster by a control plane that ends before it sends the cluster's servers;
 * the next control plane does not have that cluster.
 */
class WarmingIT {
  private static final String UNKNOWN = "unknown";

  /** A control plane that sends one cluster, and then nothing. */
  private static final class OneCluster
      extends AggregatedDiscoveryServiceGrpc.AggregatedDiscoveryServiceImplBase {
    private final Any cluster;

    private OneCluster(Cluster cluster) {
      this.cluster = Any.pack(cluster);
    }

    @Override
    public StreamObserver<DiscoveryRequest> streamAggregatedResources(
        StreamObserver<DiscoveryResponse> responses) {
      return new Answering<>(
          request -> {
            if (request.getTypeUrl().equals(cluster.getTypeUrl())
                && request.getResponseNonce().isEmpty()) {
              responses.onNext(
                  DiscoveryResponse.newBuilder()
                      .setTypeUrl(cluster.getTypeUrl())
                      .setVersionInfo("1")
                      .setNonce("1")
                      .addResources(cluster)
                      .build());
            }
          });
    }

    @Override
    public StreamObserver<DeltaDiscoveryRequest> deltaAggregatedResources(
        StreamObserver<DeltaDiscoveryResponse> responses) {
      return new Answering<>(
          request -> {
            if (request.getTypeUrl().equals(cluster.getTypeUrl())
                && request.getResponseNonce().isEmpty()) {
              responses.onNext(
                  DeltaDiscoveryResponse.newBuilder()
                      .setTypeUrl(cluster.getTypeUrl())
                      .setNonce("1")
                      .addResources(
                          Resource.newBuilder()
                              .setName(UNKNOWN)
                              .setVersion("1")
                              .setResource(cluster))
                      .build());
            }
          });
    }
  }

  private record Answering<Q>(Consumer<Q> answer) implements StreamObserver<Q> {
    @Override
    public void onNext(Q request) {
      answer.accept(request);
    }

    @Override
    public void onError(Throwable error) {
      // The Envoy has gone.
    }

    @Override
    public void onCompleted() {
      // The Envoy has gone.
    }
  }

  @ParameterizedTest
  @EnumSource(Protocol.class)
  void an_envoy_that_waits_for_a_cluster_nobody_has_any_more_goes_on(Protocol protocol)
      throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1");
      ControlPlane plane = sandbox.controlPlane("cp");
      await().until(plane::ready);
      Cluster cluster =
          new EnvoyResources(ProxySettings.DEFAULTS)
              .cluster(new UdpService(UNKNOWN, "127.0.0.1", 1));
      Server first =
          NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
              .addService(new OneCluster(cluster))
              .build()
              .start();
      try (SlowLink link = new SlowLink(new HostPort("127.0.0.1", first.getPort()), 10_000_000)) {
        RealEnvoy envoy =
            sandbox.closed(
                RealEnvoy.start(
                    RealPart.ENVOY.installed(),
                    sandbox.directory(),
                    "edge",
                    List.of(link.address()),
                    protocol,
                    Optional.empty()));
        await().until(() -> envoy.stat("cluster_manager.warming_clusters") == 1);
        link.leadTo(plane.xds());
        first.shutdownNow();
        await().until(() -> envoy.servers(SERVICE).size() == 1);
        await().until(() -> envoy.stat("listener_manager.total_listeners_active") == 1);
        await().until(() -> !envoy.clusterVersions().containsKey(UNKNOWN));
      }
    }
  }
}
