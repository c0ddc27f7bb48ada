package io.bolina.controlplane.resources;

import com.google.common.hash.Hashing;
import com.google.common.net.InetAddresses;
import io.bolina.runtime.HostPort;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
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
   * @param tokens whether that module, if it is there, is to choose the servers as well
   */
  public static String yaml(
      String nodeId,
      List<HostPort> controlPlanes,
      HostPort admin,
      Optional<HostPort> stats,
      Protocol protocol,
      boolean gate,
      boolean tokens) {
    return yaml(nodeId, controlPlanes, Optional.empty(), admin, stats, protocol, gate, tokens);
  }

  /**
   * The same over TLS.
   *
   * @param tls empty for control planes without
   */
  public static String yaml(
      String nodeId,
      List<HostPort> controlPlanes,
      Optional<EnvoyTls> tls,
      HostPort admin,
      Optional<HostPort> stats,
      Protocol protocol,
      boolean gate,
      boolean tokens) {
    StringBuilder endpoints = new StringBuilder();
    for (HostPort at : inOrderOf(nodeId, controlPlanes)) {
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
            - envoy_grpc:
                cluster_name: bolina-control-plane
                # Without it, Envoy waits for up to 30 s before it tries again.
                retry_policy:
                  retry_back_off: { base_interval: 0.25s, max_interval: 2s }
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
            type: %s
            connect_timeout: 2s
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config:
                  http2_protocol_options:
                    # A control plane that hangs is left within 7 s. Whatever arrives extends the timeout.
                    connection_keepalive: { interval: 2s, timeout: 4.5s }
                    # Little lies in between, so that an answer to a PING does not wait behind much.
                    initial_stream_window_size: 1048576
                    initial_connection_window_size: 1048576
        %s    load_assignment:
              cluster_name: bolina-control-plane
              endpoints:
              - lb_endpoints:
        %s%s"""
        .formatted(
            nodeId,
            gate ? metadata(tokens) : "",
            admin.host(),
            admin.port(),
            protocol.apiType,
            stats.map(EnvoyBootstrap::statsListener).orElse(""),
            discovery(controlPlanes),
            tls.map(t -> t.transportSocket(controlPlanes)).orElse(""),
            endpoints,
            stats.map(at -> adminCluster(admin)).orElse(""));
  }

  /**
   * With DNS, Envoy connects as soon as the first of its names is resolved, so that all Envoys
   * would be on the replica that is named first. Addresses need no resolving.
   */
  private static String discovery(List<HostPort> controlPlanes) {
    return controlPlanes.stream().allMatch(at -> InetAddresses.isInetAddress(at.host()))
        ? "STATIC"
        // Together with the wait between two tries, an Envoy finds a new replica within 5 s.
        : "STRICT_DNS\n    dns_refresh_rate: 3s";
  }

  /**
   * Each Envoy has an order of its own, so that those of a replica that ends are spread over the
   * others.
   */
  private static List<HostPort> inOrderOf(String nodeId, List<HostPort> controlPlanes) {
    return controlPlanes.stream()
        .sorted(
            Comparator.comparing(
                (HostPort at) ->
                    Hashing.sha256()
                        .hashString(nodeId + " " + at, StandardCharsets.UTF_8)
                        .toString()))
        .toList();
  }

  /** The admin page itself must stay hidden: whoever reaches it can end the Envoy. */
  private static String statsListener(HostPort at) {
    return """
          listeners:
          - name: bolina-stats
            address:
              socket_address: { address: "%s", port_value: %d%s }
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
        .formatted(
            at.host(), at.port(), UdpService.isAnyIpv6(at.host()) ? ", ipv4_compat: true" : "");
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

  private static String metadata(boolean tokens) {
    return """
          # The gate's module is there: ENVOY_DYNAMIC_MODULES_SEARCH_PATH is the folder of lib%s.so.
          metadata: { "%s": "%s"%s }
        """
        .formatted(
            GateResources.MODULE,
            GateSupport.METADATA,
            GateSupport.ABI,
            tokens ? ", \"%s\": \"on\"".formatted(TokenSupport.METADATA) : "");
  }
}
