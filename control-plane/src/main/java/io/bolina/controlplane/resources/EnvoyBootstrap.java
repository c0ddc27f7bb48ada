package io.bolina.controlplane.resources;

import java.util.List;

/**
 * The bootstrap configuration of an Envoy: all that one needs to be given; the rest it is told over
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
   * @param gate whether the gate's module is where the Envoy looks for it
   */
  public static String yaml(
      String nodeId,
      List<HostPort> controlPlanes,
      HostPort admin,
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
          clusters:
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
        %s"""
        .formatted(
            nodeId,
            gate ? metadata() : "",
            admin.host(),
            admin.port(),
            protocol.apiType,
            endpoints);
  }

  private static String metadata() {
    return """
          # The gate's module is there: ENVOY_DYNAMIC_MODULES_SEARCH_PATH is the folder of lib%s.so.
          metadata: { "%s": "%s" }
        """
        .formatted(GateResources.MODULE, GateSupport.METADATA, GateSupport.ABI);
  }
}
