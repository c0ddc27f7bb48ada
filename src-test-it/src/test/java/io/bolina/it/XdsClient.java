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
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Asks a control plane as an Envoy would, and hands over the bytes. */
final class XdsClient implements AutoCloseable {
  private static final String TYPES = "type.googleapis.com/envoy.config.";
  static final String CLUSTER_TYPE_URL = TYPES + "cluster.v3.Cluster";
  static final String ENDPOINT_TYPE_URL = TYPES + "endpoint.v3.ClusterLoadAssignment";
  static final String MEMBER_TYPE_URL = TYPES + "endpoint.v3.LbEndpoint";
  static final String LISTENER_TYPE_URL = TYPES + "listener.v3.Listener";

  private final ManagedChannel channel;
  private final BlockingQueue<DiscoveryResponse> responses = new LinkedBlockingQueue<>();
  private final StreamObserver<DiscoveryRequest> requests;

  XdsClient(HostPort controlPlane) {
    channel =
        NettyChannelBuilder.forAddress(controlPlane.host(), controlPlane.port())
            .usePlaintext()
            .build();
    requests =
        AggregatedDiscoveryServiceGrpc.newStub(channel)
            .streamAggregatedResources(
                new StreamObserver<>() {
                  @Override
                  public void onNext(DiscoveryResponse response) {
                    responses.add(response);
                  }

                  @Override
                  public void onError(Throwable error) {}

                  @Override
                  public void onCompleted() {}
                });
  }

  /** The first response of a type, as long as it takes. */
  DiscoveryResponse first(String typeUrl, String... names) throws InterruptedException {
    requests.onNext(
        DiscoveryRequest.newBuilder()
            .setNode(Node.newBuilder().setId("test"))
            .setTypeUrl(typeUrl)
            .addAllResourceNames(List.of(names))
            .build());
    DiscoveryResponse response = responses.poll(Patience.LONG.toSeconds(), TimeUnit.SECONDS);
    if (response == null) {
      throw new AssertionError("no response of type " + typeUrl);
    }
    return response;
  }

  /** All members of a collection, as they are sent to somebody who has none. */
  List<Resource> members(String collection) throws InterruptedException {
    BlockingQueue<DeltaDiscoveryResponse> members = new LinkedBlockingQueue<>();
    AggregatedDiscoveryServiceGrpc.newStub(channel)
        .deltaAggregatedResources(
            new StreamObserver<>() {
              @Override
              public void onNext(DeltaDiscoveryResponse response) {
                members.add(response);
              }

              @Override
              public void onError(Throwable error) {}

              @Override
              public void onCompleted() {}
            })
        .onNext(
            DeltaDiscoveryRequest.newBuilder()
                .setNode(Node.newBuilder().setId("test"))
                .setTypeUrl(MEMBER_TYPE_URL)
                .addResourceNamesSubscribe(collection)
                .build());
    DeltaDiscoveryResponse response = members.poll(Patience.LONG.toSeconds(), TimeUnit.SECONDS);
    if (response == null) {
      throw new AssertionError("no members of " + collection);
    }
    return response.getResourcesList();
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
