package io.bolina.benchmarks;

import io.bolina.runtime.HostPort;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

/**
 * Envoys that ask for all servers and read nothing. At most a few are there, the oldest goes when
 * another comes.
 */
final class MuteEnvoys implements AutoCloseable {
  private static final int OPEN = 10;
  private static final String ASSIGNMENT =
      "type.googleapis.com/" + ClusterLoadAssignment.getDescriptor().getFullName();

  private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final HostPort target;
  private final Deque<ManagedChannel> open = new ArrayDeque<>();

  MuteEnvoys(HostPort target) {
    this.target = target;
  }

  /** Lets one more come. */
  void one() {
    ManagedChannel channel =
        NettyChannelBuilder.forAddress(target.host(), target.port())
            .usePlaintext()
            .eventLoopGroup(loop)
            .channelType(NioSocketChannel.class)
            .flowControlWindow(1)
            .build();
    open.add(channel);
    ClientCall<DiscoveryRequest, DiscoveryResponse> call =
        channel.newCall(
            AggregatedDiscoveryServiceGrpc.getStreamAggregatedResourcesMethod(),
            CallOptions.DEFAULT);
    // Without call.request() nothing is read.
    call.start(new ClientCall.Listener<>() {}, new Metadata());
    call.sendMessage(
        DiscoveryRequest.newBuilder()
            .setNode(Node.newBuilder().setId("mute").setUserAgentName("envoy"))
            .setTypeUrl(ASSIGNMENT)
            .addResourceNames(BenchFleet.SERVICE)
            .build());
    if (open.size() > OPEN) {
      open.remove().shutdownNow();
    }
  }

  @Override
  public void close() {
    open.forEach(ManagedChannel::shutdownNow);
    var unused = loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
  }
}
