package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.ControlPlane;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.registry.memory.InMemoryRegistry;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.grpc.ManagedChannel;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/**
 * That a full collection to a thousand Envoys at once ends no stream (docs/operations.md). Not part
 * of the tests; run it with {@code mvn -B verify -Dit.test=ManyStreamsMeasurement -Dtest=none
 * -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class ManyStreamsMeasurement {
  private static final int STREAMS = 1_000;
  private static final int SERVERS = 10_000;

  @Test
  void a_large_fleet_to_a_thousand_streams_at_once() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      ControlPlane plane =
          sandbox.controlPlane(
              "cp",
              UnaryOperator.identity(),
              r -> {
                InMemoryRegistry registry = r.inMemory();
                for (int i = 0; i < SERVERS; i++) {
                  registry.register(
                      new Server("b-" + i, SERVICE, "127.0.0.1", 10_000 + i, "", Map.of()),
                      Health.PASSING);
                }
                return registry;
              });
      await().until(plane::ready);
      RealEnvoy envoy = sandbox.envoy("edge");
      List<ManagedChannel> channels = new ArrayList<>();
      AtomicInteger whole = new AtomicInteger();
      AtomicInteger ended = new AtomicInteger();
      long started = System.nanoTime();
      for (int i = 0; i < STREAMS; i++) {
        ManagedChannel channel =
            NettyChannelBuilder.forAddress(plane.xds().socketAddress())
                .usePlaintext()
                .directExecutor()
                .build();
        channels.add(channel);
        AggregatedDiscoveryServiceGrpc.newStub(channel)
            .deltaAggregatedResources(
                new StreamObserver<DeltaDiscoveryResponse>() {
                  @Override
                  public void onNext(DeltaDiscoveryResponse response) {
                    whole.addAndGet(response.getResourcesCount() == SERVERS ? 1 : 0);
                  }

                  @Override
                  public void onError(Throwable error) {
                    ended.incrementAndGet();
                  }

                  @Override
                  public void onCompleted() {
                    ended.incrementAndGet();
                  }
                })
            .onNext(
                DeltaDiscoveryRequest.newBuilder()
                    .setNode(Node.newBuilder().setId("stream-" + i))
                    .setTypeUrl(XdsClient.MEMBER_TYPE_URL)
                    .addResourceNamesSubscribe(EnvoyResources.collectionPrefix(SERVICE, "a") + "*")
                    .build());
      }
      await().atMost(Duration.ofMinutes(5)).until(() -> whole.get() + ended.get() >= STREAMS);
      System.out.printf(
          "%,d streams were sent %,d servers in %.1f s; %d streams ended; the Envoy connected %d time(s)%n",
          whole.get(),
          SERVERS,
          (System.nanoTime() - started) / 1e9,
          ended.get(),
          envoy.stat("cluster.bolina-control-plane.upstream_cx_total"));
      channels.forEach(ManagedChannel::shutdownNow);
    }
  }
}
