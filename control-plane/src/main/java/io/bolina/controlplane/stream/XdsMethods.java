package io.bolina.controlplane.stream;

import com.google.protobuf.Message;
import io.bolina.controlplane.identity.PeerCheck;
import io.bolina.controlplane.identity.PeerIdentity;
import io.envoyproxy.envoy.service.cluster.v3.ClusterDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.AggregatedDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import io.envoyproxy.envoy.service.endpoint.v3.EndpointDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.listener.v3.ListenerDiscoveryServiceGrpc;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import java.util.List;
import java.util.Optional;

/** The gRPC services: ADS and the separate CDS, EDS and LDS, each in both variants. */
final class XdsMethods {
  private final EnvoyStreams streams;
  private final CollectionLogs logs;
  private final boolean leds;
  private final PeerCheck check;

  /** Makes the stream of a new call. */
  private interface Opening<Q> {
    EnvoyStream<Q> open(ServerCall<Optional<Q>, Outgoing> call, PeerIdentity who);
  }

  /** Of a call that was refused. */
  private static final class Unheard<Q> extends ServerCall.Listener<Optional<Q>> {}

  /**
   * @param leds whether Envoys that can get the servers by LEDS
   * @param check tells who opens a stream
   */
  XdsMethods(EnvoyStreams streams, CollectionLogs logs, boolean leds, PeerCheck check) {
    this.streams = streams;
    this.logs = logs;
    this.leds = leds;
    this.check = check;
  }

  List<ServerServiceDefinition> all() {
    return List.of(
        service(
            AggregatedDiscoveryServiceGrpc.SERVICE_NAME,
            "",
            AggregatedDiscoveryServiceGrpc.getStreamAggregatedResourcesMethod(),
            AggregatedDiscoveryServiceGrpc.getDeltaAggregatedResourcesMethod()),
        service(
            ClusterDiscoveryServiceGrpc.SERVICE_NAME,
            XdsTypes.CLUSTER,
            ClusterDiscoveryServiceGrpc.getStreamClustersMethod(),
            ClusterDiscoveryServiceGrpc.getDeltaClustersMethod()),
        service(
            EndpointDiscoveryServiceGrpc.SERVICE_NAME,
            XdsTypes.ENDPOINT,
            EndpointDiscoveryServiceGrpc.getStreamEndpointsMethod(),
            EndpointDiscoveryServiceGrpc.getDeltaEndpointsMethod()),
        service(
            ListenerDiscoveryServiceGrpc.SERVICE_NAME,
            XdsTypes.LISTENER,
            ListenerDiscoveryServiceGrpc.getStreamListenersMethod(),
            ListenerDiscoveryServiceGrpc.getDeltaListenersMethod()));
  }

  /**
   * @param onlyType the type that the service is for, which its requests may leave out; empty for
   *     ADS
   */
  private ServerServiceDefinition service(
      String name,
      String onlyType,
      MethodDescriptor<DiscoveryRequest, ?> stateOfTheWorld,
      MethodDescriptor<DeltaDiscoveryRequest, ?> incremental) {
    ServerServiceDefinition.Builder service = ServerServiceDefinition.builder(name);
    add(
        service,
        stateOfTheWorld,
        DiscoveryRequest.getDefaultInstance(),
        (call, who) -> new SotwStream(streams, call, who, onlyType, streams.clock().instant()));
    add(
        service,
        incremental,
        DeltaDiscoveryRequest.getDefaultInstance(),
        (call, who) ->
            new DeltaStream(
                streams, call, who, onlyType, streams.clock().instant(), whyEds(onlyType), logs));
    return service.build();
  }

  private String whyEds(String onlyType) {
    if (!leds) {
      return "endpoint-delivery is eds";
    }
    return onlyType.isEmpty() ? "" : "not on an aggregated stream";
  }

  private <Q extends Message> void add(
      ServerServiceDefinition.Builder service,
      MethodDescriptor<Q, ?> method,
      Q anyRequest,
      Opening<Q> opening) {
    service.addMethod(
        method.toBuilder(new RequestMarshaller<>(anyRequest), Outgoing.MARSHALLER).build(),
        (call, headers) -> {
          Optional<PeerIdentity> who = check.peer(call.getAttributes());
          if (who.isEmpty()) {
            call.close(
                Status.PERMISSION_DENIED.withDescription(
                    "the certificate has no name that may connect"),
                new Metadata());
            return new Unheard<Q>();
          }
          EnvoyStream<Q> stream = opening.open(call, who.get());
          call.sendHeaders(new Metadata());
          call.request(1);
          streams.opened(stream);
          return stream;
        });
  }
}
