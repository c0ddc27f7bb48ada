package io.bolina.controlplane.resources;

import io.bolina.runtime.HostPort;
import java.util.List;
import java.util.Optional;

/**
 * The bootstrap configuration of an Envoy: all that one needs to be given; the rest it gets over
 * xDS.
 */
public final class EnvoyBootstrap {

  /** Which variant of the xDS protocol an Envoy speaks. */
  public enum Protocol {
    INCREMENTAL("DELTA_GRPC"),
    STATE_OF_THE_WORLD("GRPC");

    private final String apiType;

    Protocol(String apiType) {
      this.apiType = apiType;
    }
  }

  private EnvoyBootstrap() {}

  /**
   * Returns the YAML.
   *
   * @param nodeId what the Envoy calls itself, unique among the Envoys
   * @param controlPlanes the replicas of the control plane; an Envoy uses one, and another when
   *     that one fails
   * @param admin where the Envoy's own admin page listens
   * @param stats where it is to show its readiness and its metrics, and nothing else, to others
   * @param gate whether the gate's module is where the Envoy looks for it
   */
  public static String yaml(
      String nodeId,
      List<HostPort> controlPlanes,
      HostPort admin,
      Optional<HostPort> stats,
      Protocol protocol,
      boolean gate) {
    StringBuilder endpoints = new StringBuilder();
    for (HostPort at : controlPlanes) {
      endpoints
          .append(
              "        - endpoint:\n            address:\n              socket_address: { address: \"")
          .append(at.host())
          .append("\", port_value: ")
          .append(at.port())
          .append(" }\n");
    }
    return """
        # An Envoy of Bolina's. Everything else (listeners, clusters, servers) comes from the control plane.
        # Each session takes a file descriptor, and an Envoy that runs out of them aborts: start it with a high 'ulimit -n'.
        node:
          id: "%s"
          cluster: bolina
        %sadmin:
          address:
            socket_address: { address: "%s", port_value: %d }
        dynamic_resources:
          ads_config:
            api_type: %s
            transport_api_version: V3
            set_node_on_first_message_only: true
            grpc_services:
            - envoy_grpc: { cluster_name: bolina-control-plane }
          cds_config:
            resource_api_version: V3
            initial_fetch_timeout: 0s
            ads: {}
          lds_config:
            resource_api_version: V3
            initial_fetch_timeout: 0s
            ads: {}
        static_resources:
        %s  clusters:
          - name: bolina-control-plane
            type: STRICT_DNS
            connect_timeout: 2s
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config:
                  http2_protocol_options:
                    # Finds out within a minute that a control plane is gone without a word.
                    connection_keepalive: { interval: 30s, timeout: 10s }
            load_assignment:
              cluster_name: bolina-control-plane
              endpoints:
              - lb_endpoints:
        %s%s"""
        .formatted(
            nodeId,
            gate ? metadata() : "",
            admin.host(),
            admin.port(),
            protocol.apiType,
            stats.map(EnvoyBootstrap::statsListener).orElse(""),
            endpoints,
            stats.map(at -> adminCluster(admin)).orElse(""));
  }

  /** The admin page itself must stay hidden: whoever reaches it can end the Envoy. */
  private static String statsListener(HostPort at) {
    return """
          listeners:
          - name: bolina-stats
            address:
              socket_address: { address: "%s", port_value: %d }
            filter_chains:
            - filters:
              - name: envoy.filters.network.http_connection_manager
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: bolina-stats
                  http_filters:
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                  route_config:
                    virtual_hosts:
                    - name: stats
                      domains: ["*"]
                      routes:
                      - { match: { path: /ready }, route: { cluster: bolina-admin } }
                      - { match: { path: /stats/prometheus }, route: { cluster: bolina-admin } }
        """
        .formatted(at.host(), at.port());
  }

  private static String adminCluster(HostPort admin) {
    return """
          - name: bolina-admin
            type: STATIC
            connect_timeout: 2s
            load_assignment:
              cluster_name: bolina-admin
              endpoints:
              - lb_endpoints:
                - endpoint:
                    address:
                      socket_address: { address: "%s", port_value: %d }
        """
        .formatted(admin.host(), admin.port());
  }

  private static String metadata() {
    return """
          # The gate's module is there: ENVOY_DYNAMIC_MODULES_SEARCH_PATH is the folder of lib%s.so.
          metadata: { "%s": "%s" }
        """
        .formatted(GateResources.MODULE, GateSupport.METADATA, GateSupport.ABI);
  }
}
