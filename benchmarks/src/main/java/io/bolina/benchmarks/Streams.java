package io.bolina.benchmarks;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import io.bolina.runtime.HostPort;
import io.envoyproxy.envoy.config.core.v3.HealthStatus;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.Resource;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.nio.NioIoHandler;
import io.grpc.netty.shaded.io.netty.channel.socket.nio.NioSocketChannel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Many simulated Envoys, which ask for the servers of the service over incremental ADS and
 * acknowledge everything. All but the first only count what they get, so that they take as little
 * as possible of the CPU that is shared with what is measured.
 */
final class Streams implements AutoCloseable {
  private static final String ASSIGNMENT =
      "type.googleapis.com/" + ClusterLoadAssignment.getDescriptor().getFullName();
  private static final String MEMBER =
      "type.googleapis.com/" + LbEndpoint.getDescriptor().getFullName();

  private static final MethodDescriptor<DeltaDiscoveryRequest, byte[]> METHOD =
      AggregatedDiscoveryServiceGrpc.getDeltaAggregatedResourcesMethod().toBuilder(
              AggregatedDiscoveryServiceGrpc.getDeltaAggregatedResourcesMethod()
                  .getRequestMarshaller(),
              new Bytes())
          .build();

  private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final List<One> streams = new ArrayList<>();
  private final AtomicLong bytes = new AtomicLong();
  private final AtomicLong messages = new AtomicLong();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  /** Health of each server as the first stream knows it, by address. */
  private final Map<String, HealthStatus> known = new ConcurrentHashMap<>();

  /** Responses as they come. */
  private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
    @Override
    public InputStream stream(byte[] value) {
      return new ByteArrayInputStream(value);
    }

    @Override
    public byte[] parse(InputStream stream) {
      try {
        return stream.readAllBytes();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /**
   * @param connections how many connections the streams share
   */
  Streams(HostPort controlPlane, int count, int connections) {
    for (int i = 0; i < Math.min(count, connections); i++) {
      ManagedChannel channel =
          NettyChannelBuilder.forAddress(controlPlane.host(), controlPlane.port())
              .usePlaintext()
              .eventLoopGroup(loop)
              .channelType(NioSocketChannel.class)
              .directExecutor()
              // As Envoy does, which sends no pings to measure it.
              .flowControlWindow(16 << 20)
              .maxInboundMessageSize(256 << 20)
              .build();
      channels.add(channel);
    }
    for (int i = 0; i < count; i++) {
      streams.add(new One(channels.get(i % channels.size()), i));
    }
  }

  /** Waits until every stream has some servers, and the first one knows so many. */
  void awaitAll(int servers) throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.MINUTES.toNanos(3);
    while (known.size() < servers || streams.stream().anyMatch(s -> s.last == 0)) {
      check();
      if (System.nanoTime() > until) {
        throw new IllegalStateException(
            "after 3 minutes the first stream knows "
                + known.size()
                + " of "
                + servers
                + " servers, and "
                + streams.stream().filter(s -> s.last == 0).count()
                + " streams have none");
      }
      Thread.sleep(5);
    }
  }

  /**
   * Waits until every stream received something after a time, and the first one the expected
   * health.
   *
   * @return when each received it
   */
  List<Long> awaitSince(long since, String address, HealthStatus wanted)
      throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (known.get(address) != wanted || streams.stream().anyMatch(s -> s.last <= since)) {
      check();
      if (System.nanoTime() > until) {
        throw new IllegalStateException(
            "after a minute "
                + address
                + " is "
                + known.get(address)
                + " and "
                + streams.stream().filter(s -> s.last <= since).count()
                + " streams are silent");
      }
      Thread.sleep(0, 200_000);
    }
    return streams.stream().map(s -> s.last).toList();
  }

  /** Whether a server is open, as the first stream knows. */
  HealthStatus known(String address) {
    return known.get(address);
  }

  long bytes() {
    return bytes.get();
  }

  long messages() {
    return messages.get();
  }

  /** Throws what ended a stream, if something did. */
  void check() {
    if (failure.get() != null) {
      throw new IllegalStateException("a stream ended", failure.get());
    }
  }

  @Override
  public void close() {
    failure.set(null);
    streams.forEach(One::cancel);
    channels.forEach(ManagedChannel::shutdownNow);
    var unused = loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).awaitUninterruptibly();
  }

  /** One stream. */
  private final class One extends ClientCall.Listener<byte[]> {
    private final ClientCall<DeltaDiscoveryRequest, byte[]> call;
    private final boolean first;
    private boolean askedForMembers;
    private boolean canceled;
    private volatile long last;

    private One(ManagedChannel channel, int number) {
      first = number == 0;
      call = channel.newCall(METHOD, CallOptions.DEFAULT);
      call.start(this, new Metadata());
      call.request(1_000_000);
      call.sendMessage(
          DeltaDiscoveryRequest.newBuilder()
              .setNode(Node.newBuilder().setId("bench-" + number).setUserAgentName("envoy"))
              .setTypeUrl(ASSIGNMENT)
              .addResourceNamesSubscribe(BenchFleet.SERVICE)
              .build());
    }

    @Override
    public void onMessage(byte[] response) {
      long now = System.nanoTime();
      bytes.addAndGet(response.length);
      messages.incrementAndGet();
      try {
        String type = text(response, DeltaDiscoveryResponse.TYPE_URL_FIELD_NUMBER);
        String nonce = text(response, DeltaDiscoveryResponse.NONCE_FIELD_NUMBER);
        boolean refersToMembers = type.equals(ASSIGNMENT) && response.length < 1_000;
        if (first || (refersToMembers && !askedForMembers)) {
          read(DeltaDiscoveryResponse.parseFrom(response));
        }
        if (!refersToMembers) {
          last = now;
        }
        call.sendMessage(
            DeltaDiscoveryRequest.newBuilder().setTypeUrl(type).setResponseNonce(nonce).build());
      } catch (IOException e) {
        failure.compareAndSet(null, e);
      }
    }

    private void read(DeltaDiscoveryResponse response) throws IOException {
      for (Resource resource : response.getResourcesList()) {
        if (resource.getResource().is(LbEndpoint.class)) {
          learn(resource.getResource().unpack(LbEndpoint.class));
        } else {
          var assignment = resource.getResource().unpack(ClusterLoadAssignment.class);
          var locality = assignment.getEndpoints(0);
          locality.getLbEndpointsList().forEach(this::learn);
          String collection = locality.getLedsClusterLocalityConfig().getLedsCollectionName();
          if (!collection.isEmpty()) {
            askedForMembers = true;
            call.sendMessage(
                DeltaDiscoveryRequest.newBuilder()
                    .setTypeUrl(MEMBER)
                    .addResourceNamesSubscribe(collection)
                    .build());
          }
        }
      }
    }

    private void learn(LbEndpoint server) {
      if (first) {
        boolean open =
            server.getHealthStatus() == HealthStatus.UNKNOWN
                || server.getHealthStatus() == HealthStatus.HEALTHY;
        known.put(
            server.getEndpoint().getAddress().getSocketAddress().getAddress(),
            open ? HealthStatus.HEALTHY : server.getHealthStatus());
      }
    }

    /** A text field of a message, without reading the rest. */
    private String text(byte[] message, int field) throws IOException {
      CodedInputStream in = CodedInputStream.newInstance(message);
      for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
        if (WireFormat.getTagFieldNumber(tag) == field) {
          return in.readString();
        }
        in.skipField(tag);
      }
      return "";
    }

    private void cancel() {
      canceled = true;
      call.cancel("the measurement is over", null);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      if (!canceled) {
        failure.compareAndSet(null, status.asRuntimeException());
      }
    }
  }
}
