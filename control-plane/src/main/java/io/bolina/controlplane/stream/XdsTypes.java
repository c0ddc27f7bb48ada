package io.bolina.controlplane.stream;

import static io.envoyproxy.controlplane.cache.Resources.V3.CLUSTER_TYPE_URL;
import static io.envoyproxy.controlplane.cache.Resources.V3.ENDPOINT_TYPE_URL;
import static io.envoyproxy.controlplane.cache.Resources.V3.LISTENER_TYPE_URL;

import io.envoyproxy.envoy.service.cluster.v3.ClusterDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.endpoint.v3.EndpointDiscoveryServiceGrpc;
import io.envoyproxy.envoy.service.listener.v3.ListenerDiscoveryServiceGrpc;
import java.util.Map;

/** The resource types that are served. */
final class XdsTypes {
  static final String CLUSTER = CLUSTER_TYPE_URL;
  static final String ENDPOINT = ENDPOINT_TYPE_URL;
  static final String LISTENER = LISTENER_TYPE_URL;

  private static final Map<String, String> SHORT =
      Map.of(CLUSTER, "CDS", ENDPOINT, "EDS", LISTENER, "LDS");
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

  /** CDS, EDS or LDS; another type's own name. */
  static String shortName(String typeUrl) {
    return SHORT.getOrDefault(typeUrl, typeUrl.substring(typeUrl.lastIndexOf('/') + 1));
  }

  /** The type that a gRPC service is for; empty for the aggregated one. */
  static String typeOfService(String grpcService) {
    return BY_SERVICE.getOrDefault(grpcService, "");
  }
}
