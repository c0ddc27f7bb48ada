package io.bolina.controlplane.resources;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.runtime.HostPort;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** How an Envoy's bootstrap has it find a control plane. */
class EnvoyBootstrapTest {
  private static final Pattern ADDRESS =
      Pattern.compile("address: \"([^\"]+)\", port_value: 18000");

  private static String bootstrap(String nodeId, String... hosts) {
    return EnvoyBootstrap.yaml(
        nodeId,
        Stream.of(hosts).map(host -> new HostPort(host, 18_000)).toList(),
        new HostPort("127.0.0.1", 9_901),
        Optional.empty(),
        EnvoyBootstrap.Protocol.INCREMENTAL,
        false,
        false);
  }

  private static List<String> order(String yaml) {
    return ADDRESS.matcher(yaml).results().map(found -> found.group(1)).toList();
  }

  @Test
  void each_envoy_has_an_order_of_its_own_which_is_always_the_same() {
    String[] hosts = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    Map<List<String>, Integer> orders = new HashMap<>();
    for (int i = 0; i < 600; i++) {
      orders.merge(order(bootstrap("edge-" + i, hosts)), 1, Integer::sum);
    }
    assertThat(orders)
        .hasSize(6)
        .allSatisfy((order, count) -> assertThat(count).isBetween(50, 150));
    assertThat(order(bootstrap("edge-1", "10.0.0.3", "10.0.0.1", "10.0.0.2")))
        .isEqualTo(order(bootstrap("edge-1", hosts)));
  }

  @Test
  void what_shows_its_readiness_takes_both_families_on_all_addresses() {
    // A kubelet asks by the node's first address, of whichever family.
    assertThat(withStats("::"))
        .contains("{ address: \"::\", port_value: 9902, ipv4_compat: true }");
    assertThat(withStats("0.0.0.0")).contains("{ address: \"0.0.0.0\", port_value: 9902 }");
    assertThat(withStats("2001:db8::5")).contains("\"2001:db8::5\", port_value: 9902 }");
  }

  private static String withStats(String host) {
    return EnvoyBootstrap.yaml(
        "edge",
        List.of(new HostPort("10.0.0.1", 18_000)),
        new HostPort("127.0.0.1", 9_901),
        Optional.of(new HostPort(host, 9_902)),
        EnvoyBootstrap.Protocol.INCREMENTAL,
        false,
        false);
  }

  private static String withTls(Optional<String> serverName, String... hosts) {
    return EnvoyBootstrap.yaml(
        "edge",
        Stream.of(hosts).map(host -> new HostPort(host, 18_000)).toList(),
        Optional.of(
            new EnvoyTls(
                Path.of("/etc/bolina"), Path.of("/tls/ca.crt"), Optional.empty(), serverName)),
        new HostPort("127.0.0.1", 9_901),
        Optional.empty(),
        EnvoyBootstrap.Protocol.INCREMENTAL,
        false,
        false);
  }

  @Test
  void a_control_plane_must_have_its_name_in_its_certificate() {
    assertThat(withTls(Optional.empty(), "10.0.0.1", "cp.example", "::1"))
        .contains(
            "{ san_type: IP_ADDRESS, matcher: { exact: \"10.0.0.1\" } }",
            "{ san_type: IP_ADDRESS, matcher: { exact: \"::1\" } }",
            "{ san_type: DNS, matcher: { exact: \"cp.example\" } }")
        .doesNotContain("sni:", "tls_certificate_sds");
    assertThat(withTls(Optional.of("cp.name"), "10.0.0.1"))
        .contains("sni: \"cp.name\"", "{ san_type: DNS, matcher: { exact: \"cp.name\" } }")
        .doesNotContain("IP_ADDRESS");
    assertThat(withTls(Optional.of("spiffe://x/cp"), "10.0.0.1"))
        .contains("{ san_type: URI, matcher: { exact: \"spiffe://x/cp\" } }")
        .doesNotContain("sni:");
    assertThat(bootstrap("edge", "10.0.0.1")).doesNotContain("transport_socket");
  }

  @Test
  void only_names_are_resolved() {
    assertThat(bootstrap("edge", "10.0.0.1", "2001:db8::1"))
        .contains("    type: STATIC\n    connect_timeout");
    assertThat(bootstrap("edge", "10.0.0.1", "control-plane.example"))
        .contains("    type: STRICT_DNS\n    dns_refresh_rate: 3s\n    connect_timeout");
  }
}
