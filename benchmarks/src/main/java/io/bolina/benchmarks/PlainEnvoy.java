package io.bolina.benchmarks;

import io.bolina.runtime.HostPort;
import io.bolina.sandbox.ServerWithAgent;
import java.util.List;
import java.util.Locale;

/** The bootstrap of an Envoy without Bolina: the same servers in a file, and Envoy's own means. */
enum PlainEnvoy {
  /** A TCP connection to the server's own process each second; one failure is enough. */
  CHECKS_ONE("plain, active check, 1 failure", healthChecks(1)),
  /** The same; two failures, as most have it. */
  CHECKS_TWO("plain, active check, 2 failures", healthChecks(2)),
  OUTLIER_DETECTION(
      "plain, outlier detection",
      """
          outlier_detection:
            consecutive_5xx: 1
            split_external_local_origin_errors: true
            consecutive_local_origin_failure: 1
            interval: 1s
            base_ejection_time: 30s
            max_ejection_percent: 50
      """);

  private final String title;
  private final String means;

  PlainEnvoy(String title, String means) {
    this.title = title;
    this.means = means;
  }

  String title() {
    return title;
  }

  private static String healthChecks(int failures) {
    return """
          health_checks:
          - timeout: 1s
            interval: 1s
            # Sessions of UDP are no traffic to it: it would check once a minute.
            no_traffic_interval: 1s
            unhealthy_threshold: %d
            healthy_threshold: 1
            tcp_health_check: {}
      """
        .formatted(failures);
  }

  /**
   * The YAML.
   *
   * @param front where its clients come
   */
  String bootstrap(HostPort front, List<ServerWithAgent> servers) {
    StringBuilder endpoints = new StringBuilder();
    for (ServerWithAgent server : servers) {
      endpoints.append(
          String.format(
              Locale.ROOT,
              "        - endpoint: { address: { socket_address: { address: \"%s\", port_value: %d } } }%n",
              server.endpoint().host(),
              server.endpoint().port()));
    }
    return """
        admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } }
        static_resources:
          listeners:
          - name: front
            address: { socket_address: { protocol: UDP, address: "%s", port_value: %d } }
            listener_filters:
            - name: envoy.filters.udp_listener.udp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig
                stat_prefix: bolina
                idle_timeout: 600s
                hash_policies: [ { source_ip: true } ]
                matcher:
                  on_no_match:
                    action:
                      name: route
                      typed_config:
                        "@type": type.googleapis.com/envoy.extensions.filters.udp.udp_proxy.v3.Route
                        cluster: bolina
          clusters:
          - name: bolina
            type: STATIC
            lb_policy: MAGLEV
            # By default it drops the 1,025th session.
            circuit_breakers: { thresholds: [ { max_connections: 1000000 } ] }
        %s    load_assignment:
              cluster_name: bolina
              endpoints:
              - lb_endpoints:
        %s"""
        .formatted(front.host(), front.port(), means.indent(0), endpoints);
  }
}
