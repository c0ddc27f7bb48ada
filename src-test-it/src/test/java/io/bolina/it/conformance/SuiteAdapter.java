package io.bolina.it.conformance;

import com.google.protobuf.Any;
import com.google.protobuf.Empty;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.UInt32Value;
import com.google.protobuf.UnknownFieldSet;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.served.Editions;
import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.bolina.controlplane.stream.XdsServer;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.listener.v3.Listener;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryResponse;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryResponse;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * What ii/xds-test-harness asks of a control plane: a service by which it says what is to be served
 * (its api/adapter/adapter.proto), and streams whose versions are those that it says. Bolina's are
 * hashes, so the adapter stands in between and gives each type's version the suite's name.
 */
final class SuiteAdapter implements AutoCloseable {
  private static final Map<String, BiFunction<String, String, Message>> MAKERS =
      Map.of(
          url(Cluster.getDefaultInstance()),
          (name, version) -> Cluster.newBuilder().setName(name).setAltStatName(version).build(),
          url(Listener.getDefaultInstance()),
          (name, version) -> Listener.newBuilder().setName(name).setStatPrefix(version).build(),
          url(ClusterLoadAssignment.getDefaultInstance()),
          (name, version) ->
              ClusterLoadAssignment.newBuilder()
                  .setClusterName(name)
                  .setPolicy(
                      ClusterLoadAssignment.Policy.newBuilder()
                          .setOverprovisioningFactor(UInt32Value.of(Integer.parseInt(version))))
                  .build());

  private final XdsServer xds =
      new XdsServer(
          new HostPort("127.0.0.1", 0),
          XdsLimits.DEFAULTS,
          Telemetry.create(),
          false,
          false,
          Duration.ofHours(1),
          () -> true);
  private final ManagedChannel toXds;
  private final Server target;
  private final Server adapter;

  /** What is served, by type and name, with the suite's versions. */
  private final Map<String, Map<String, String>> state = new TreeMap<>();

  private final Map<String, String> versions = new ConcurrentHashMap<>();

  SuiteAdapter() throws Exception {
    xds.start();
    toXds = NettyChannelBuilder.forAddress(xds.address().socketAddress()).usePlaintext().build();
    target = listening(new Renaming().bindService());
    adapter =
        listening(
            ServerServiceDefinition.builder("adapter.Adapter")
                .addMethod(method("SetState"), answering(this::setState))
                .addMethod(method("ClearState"), answering(request -> state.clear()))
                .addMethod(method("AddResource"), answering(request -> put(resource(request))))
                .addMethod(method("UpdateResource"), answering(request -> put(resource(request))))
                .addMethod(method("RemoveResource"), answering(this::remove))
                .build());
  }

  int targetPort() {
    return target.getPort();
  }

  int adapterPort() {
    return adapter.getPort();
  }

  private record Resource(String type, String name, String version) {}

  private static Resource resource(UnknownFieldSet request) {
    return new Resource(text(request, 2), text(request, 3), text(request, 4));
  }

  private void setState(UnknownFieldSet request) {
    state.clear();
    for (var bytes : request.getField(3).getLengthDelimitedList()) {
      try {
        Any any = Any.parseFrom(bytes);
        // In all three types that are served, the first field is the name.
        UnknownFieldSet fields = UnknownFieldSet.parseFrom(any.getValue());
        put(new Resource(any.getTypeUrl(), text(fields, 1), text(request, 2)));
      } catch (InvalidProtocolBufferException e) {
        throw new IllegalArgumentException(e);
      }
    }
  }

  private void put(Resource resource) {
    versions.put(resource.type(), resource.version());
    state
        .computeIfAbsent(resource.type(), type -> new TreeMap<>())
        .put(resource.name(), resource.version());
  }

  private void remove(UnknownFieldSet request) {
    Resource resource = resource(request);
    state.getOrDefault(resource.type(), new TreeMap<>()).remove(resource.name());
  }

  private void serve() {
    List<ServedResource> resources =
        state.entrySet().stream()
            .filter(type -> MAKERS.containsKey(type.getKey()))
            .flatMap(
                type ->
                    type.getValue().entrySet().stream()
                        .map(
                            resource ->
                                ServedResource.of(
                                    resource.getKey(),
                                    MAKERS
                                        .get(type.getKey())
                                        .apply(resource.getKey(), resource.getValue()))))
            .toList();
    Served served = new Served(resources);
    xds.serve(new Editions(served, served, served));
  }

  private ServerCallHandler<Empty, Empty> answering(Consumer<UnknownFieldSet> effect) {
    return ServerCalls.asyncUnaryCall(
        (request, response) -> {
          awaitStreams();
          synchronized (state) {
            effect.accept(request.getUnknownFields());
            serve();
          }
          response.onNext(Empty.getDefaultInstance());
          response.onCompleted();
        });
  }

  /**
   * The suite unsubscribes on a stream, changes the resource by this service in the same moment,
   * and expects the first to be first.
   */
  private static void awaitStreams() {
    try {
      Thread.sleep(500);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Its messages are read field by field, so that none of its sources is needed. */
  private static MethodDescriptor<Empty, Empty> method(String name) {
    return MethodDescriptor.<Empty, Empty>newBuilder()
        .setType(MethodDescriptor.MethodType.UNARY)
        .setFullMethodName("adapter.Adapter/" + name)
        .setRequestMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
        .setResponseMarshaller(ProtoUtils.marshaller(Empty.getDefaultInstance()))
        .build();
  }

  private static String text(UnknownFieldSet message, int field) {
    var values = message.getField(field).getLengthDelimitedList();
    return values.isEmpty() ? "" : values.get(0).toStringUtf8();
  }

  private static String url(Message like) {
    return "type.googleapis.com/" + like.getDescriptorForType().getFullName();
  }

  private static Server listening(ServerServiceDefinition service) throws Exception {
    return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
        .addService(service)
        .build()
        .start();
  }

  /** Passes a stream on, with other versions in the responses. */
  private final class Renaming
      extends AggregatedDiscoveryServiceGrpc.AggregatedDiscoveryServiceImplBase {
    @Override
    public StreamObserver<DiscoveryRequest> streamAggregatedResources(
        StreamObserver<DiscoveryResponse> responses) {
      return AggregatedDiscoveryServiceGrpc.newStub(toXds)
          .streamAggregatedResources(
              renamed(
                  responses,
                  response ->
                      response.toBuilder()
                          .setVersionInfo(versions.get(response.getTypeUrl()))
                          .build()));
    }

    @Override
    public StreamObserver<DeltaDiscoveryRequest> deltaAggregatedResources(
        StreamObserver<DeltaDiscoveryResponse> responses) {
      return AggregatedDiscoveryServiceGrpc.newStub(toXds)
          .deltaAggregatedResources(
              renamed(
                  responses,
                  response ->
                      response.toBuilder()
                          .setSystemVersionInfo(versions.get(response.getTypeUrl()))
                          .build()));
    }
  }

  private static <R> StreamObserver<R> renamed(StreamObserver<R> to, Function<R, R> renaming) {
    return new StreamObserver<>() {
      @Override
      public void onNext(R response) {
        to.onNext(renaming.apply(response));
      }

      @Override
      public void onError(Throwable error) {
        to.onError(error);
      }

      @Override
      public void onCompleted() {
        to.onCompleted();
      }
    };
  }

  @Override
  public void close() {
    target.shutdownNow();
    adapter.shutdownNow();
    toXds.shutdownNow();
    xds.close();
  }
}
