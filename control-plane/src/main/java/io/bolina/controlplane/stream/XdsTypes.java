package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.ServedItem;
import io.envoyproxy.envoy.config.cluster.v3.Cluster;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import io.envoyproxy.envoy.config.endpoint.v3.LbEndpoint;
import io.envoyproxy.envoy.config.listener.v3.Listener;
import io.envoyproxy.envoy.service.cluster.v3.ClusterDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.endpoint.v3.EndpointDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.listener.v3.ListenerDiscoveryServiceGrpc;
import java.util.List;
import java.util.Map;

/** The resource types that are served. */
public final class XdsTypes {
  static final String CLUSTER = ServedItem.typeUrl(Cluster.getDescriptor());
  static final String ENDPOINT = ServedItem.typeUrl(ClusterLoadAssignment.getDescriptor());

  /** A member of a collection of servers. */
  public static final String MEMBER = ServedItem.typeUrl(LbEndpoint.getDescriptor());

  static final String LISTENER = ServedItem.typeUrl(Listener.getDescriptor());

  /**
   * In the order in which they are looked at: a cluster that is sent has its load assignment sent
   * after it, and so has a collection that must start over.
   */
  static final List<String> IN_ORDER = List.of(CLUSTER, MEMBER, ENDPOINT, LISTENER);

  private static final Map<String, String> SHORT =
      Map.of(CLUSTER, "CDS", ENDPOINT, "EDS", MEMBER, "LEDS", LISTENER, "LDS");
  private static final Map<String, String> BY_SERVICE =
      Map.of(
          ClusterDiscoveryServiceGrpc.SERVICE_NAME, CLUSTER,
          EndpointDiscoveryServiceGrpc.SERVICE_NAME, ENDPOINT,
          ListenerDiscoveryServiceGrpc.SERVICE_NAME, LISTENER);

  private XdsTypes() {}

  static boolean isServed(String typeUrl) {
    return SHORT.containsKey(typeUrl);
  }

  /** Whether naming no resource of the type means all of them. */
  static boolean hasWildcard(String typeUrl) {
    return typeUrl.equals(CLUSTER) || typeUrl.equals(LISTENER);
  }

  /** CDS, EDS, LEDS or LDS; another type's own name. */
  static String shortName(String typeUrl) {
    return SHORT.getOrDefault(typeUrl, typeUrl.substring(typeUrl.lastIndexOf('/') + 1));
  }

  /** The type that a gRPC service is for; empty for the aggregated one. */
  static String typeOfService(String grpcService) {
    return BY_SERVICE.getOrDefault(grpcService, "");
  }
}
