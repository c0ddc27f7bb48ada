package io.bolina.controlplane;

import io.bolina.runtime.HostPort;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A client of the xDS port on a connection of its own, that acknowledges whatever it gets. */
public final class AdsClient implements AutoCloseable {
  private final ManagedChannel channel;
  private final List<DiscoveryResponse> responses = new CopyOnWriteArrayList<>();
  private final StreamObserver<DiscoveryRequest> requests;
  private final String[] names;

  /**
   * @param typeUrl what it asks for
   * @param names the resources; none for all
   */
  public AdsClient(HostPort xds, String node, String typeUrl, String... names) {
    this.names = names;
    channel = NettyChannelBuilder.forAddress(xds.host(), xds.port()).usePlaintext().build();
    requests =
        AggregatedDiscoveryServiceGrpc.newStub(channel)
            .streamAggregatedResources(
                new StreamObserver<>() {
                  @Override
                  public void onNext(DiscoveryResponse response) {
                    responses.add(response);
                    acknowledge(response);
                  }

                  @Override
                  public void onError(Throwable t) {
                    // The end of the stream is seen by what does not come any more.
                  }

                  @Override
                  public void onCompleted() {
                    // Likewise.
                  }
                });
    send(
        DiscoveryRequest.newBuilder()
            .setNode(Node.newBuilder().setId(node))
            .setTypeUrl(typeUrl)
            .addAllResourceNames(List.of(names))
            .build());
  }

  private void acknowledge(DiscoveryResponse response) {
    send(
        DiscoveryRequest.newBuilder()
            .setTypeUrl(response.getTypeUrl())
            .setVersionInfo(response.getVersionInfo())
            .setResponseNonce(response.getNonce())
            .addAllResourceNames(List.of(names))
            .build());
  }

  private synchronized void send(DiscoveryRequest request) {
    requests.onNext(request);
  }

  /** What it has got so far. */
  public List<DiscoveryResponse> responses() {
    return responses;
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
