package io.bolina.it;

import io.bolina.runtime.HostPort;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.Resource;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import java.util.List;

/** Asks a control plane as an Envoy would, and hands over the bytes. */
final class XdsClient implements AutoCloseable {
  private static final String TYPES = "type.googleapis.com/envoy.config.";
  static final String CLUSTER_TYPE_URL = TYPES + "cluster.v3.Cluster";
  static final String ENDPOINT_TYPE_URL = TYPES + "endpoint.v3.ClusterLoadAssignment";
  static final String MEMBER_TYPE_URL = TYPES + "endpoint.v3.LbEndpoint";
  static final String LISTENER_TYPE_URL = TYPES + "listener.v3.Listener";

  private final ManagedChannel channel;
  private final XdsCall<DiscoveryRequest, DiscoveryResponse> stream;

  XdsClient(HostPort controlPlane) {
    channel =
        NettyChannelBuilder.forAddress(controlPlane.host(), controlPlane.port())
            .usePlaintext()
            // As Envoy has it by default, and no PINGs that measure the link.
            .flowControlWindow(16 << 20)
            .build();
    stream =
        new XdsCall<>(AggregatedDiscoveryServiceGrpc.newStub(channel)::streamAggregatedResources);
  }

  /** The first response of a type, as long as it takes. */
  DiscoveryResponse first(String typeUrl, String... names) throws InterruptedException {
    return stream
        .send(
            DiscoveryRequest.newBuilder()
                .setNode(Node.newBuilder().setId("test"))
                .setTypeUrl(typeUrl)
                .addAllResourceNames(List.of(names))
                .build())
        .receive();
  }

  /** All members of a collection, as they are sent to a client that has none. */
  List<Resource> members(String collection) throws InterruptedException {
    return new XdsCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(
            AggregatedDiscoveryServiceGrpc.newStub(channel)::deltaAggregatedResources)
        .send(
            DeltaDiscoveryRequest.newBuilder()
                .setNode(Node.newBuilder().setId("test"))
                .setTypeUrl(MEMBER_TYPE_URL)
                .addResourceNamesSubscribe(collection)
                .build())
        .receive()
        .getResourcesList();
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
