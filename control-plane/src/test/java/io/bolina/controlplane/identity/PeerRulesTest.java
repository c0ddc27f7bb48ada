package io.bolina.controlplane.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.resources.GateResources;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may connect, as whom, and what of. */
class PeerRulesTest {
  private static San san(String text) {
    int colon = text.indexOf(':');
    String value = text.substring(colon + 1);
    return switch (San.Kind.valueOf(text.substring(0, colon))) {
      case DNS -> San.dns(value);
      case URI -> San.uri(value);
      case IP -> San.ip(value);
    };
  }

  private static Optional<PeerIdentity> admit(
      NodeIdRule nodeIds, List<String> rules, String... sans) {
    return new PeerRules(rules.stream().map(PeerRule::parse).toList(), nodeIds)
        .admit(Stream.of(sans).map(PeerRulesTest::san).toList());
  }

  private static Optional<PeerIdentity> admit(String rule, String... sans) {
    return admit(NodeIdRule.NAME, List.of(rule), sans);
  }

  @ParameterizedTest
  @CsvSource({
    "edge-1.example.org=*, DNS:edge-1.example.org, true",
    "edge-1.example.org=*, DNS:EDGE-1.Example.org, true",
    "edge-1.example.org=*, DNS:xedge-1.example.org, false",
    "edge-1.example.org=*, DNS:edge-1.example.org.evil, false",
    "edge-1.example.org=*, URI:edge-1.example.org, false",
    "*.example.org=*, DNS:edge-1.example.org, true",
    "*.example.org=*, DNS:a.b.example.org, true",
    "*.example.org=*, DNS:example.org, false",
    "*.example.org=*, DNS:.example.org, false",
    "*.example.org=*, DNS:edge-1.notexample.org, false",
    "*.example.org=*, URI:spiffe://x/edge.example.org, false",
    "spiffe://example.org/edge/1=*, URI:spiffe://example.org/edge/1, true",
    "spiffe://example.org/edge/1=*, URI:spiffe://example.org/edge/12, false",
    "spiffe://example.org/edge/*=*, URI:spiffe://example.org/edge/1, true",
    "spiffe://example.org/edge/*=*, URI:spiffe://example.org/edge/a/b, true",
    "spiffe://example.org/edge/*=*, URI:spiffe://example.org/edge/, false",
    "spiffe://example.org/edge/*=*, URI:spiffe://example.org/edges/1, false",
    "spiffe://example.org/edge/*=*, URI:spiffe://example.org.evil/edge/1, false",
    "spiffe://example.org/edge/*=*, DNS:spiffe://example.org/edge/1, false",
    "10.0.0.5=*, IP:10.0.0.5, true",
    "10.0.0.5=*, IP:10.0.0.50, false",
    "10.0.0.5=*, DNS:10.0.0.5, false",
  })
  void a_rule_is_for_the_names_that_it_says_and_no_other(
      String rule, String san, boolean admitted) {
    assertThat(admit(rule, san).isPresent()).isEqualTo(admitted);
  }

  @Test
  void without_a_name_that_a_rule_is_for_nobody_is_admitted() {
    assertThat(admit("*.example.org=*")).isEmpty();
    assertThat(admit("*.example.org=*", "DNS:other", "IP:10.0.0.1")).isEmpty();
    assertThat(admit(NodeIdRule.ANY, List.of("*.example.org=*"))).isEmpty();
    // Whoever has a certificate is admitted without rules, but is somebody only by a name.
    assertThat(admit(NodeIdRule.NAME, List.of())).isEmpty();
    assertThat(admit(NodeIdRule.ANY, List.of())).isPresent();
    assertThat(admit(NodeIdRule.NAME, List.of(), "DNS:any")).isPresent();
  }

  @Test
  void a_peer_sees_the_services_of_all_rules_for_its_names() {
    List<String> rules = List.of("*.a.org=one,two", "edge.b.org=three", "boss.b.org=*");
    assertThat(admit(NodeIdRule.ANY, rules, "DNS:x.a.org").orElseThrow().services())
        .contains(Set.of("one", "two"));
    assertThat(
            admit(NodeIdRule.ANY, rules, "DNS:x.a.org", "DNS:edge.b.org").orElseThrow().services())
        .contains(Set.of("one", "two", "three"));
    assertThat(
            admit(NodeIdRule.ANY, rules, "DNS:x.a.org", "DNS:boss.b.org").orElseThrow().services())
        .isEmpty();
  }

  @Test
  void of_a_service_it_sees_everything_and_of_others_nothing() {
    PeerIdentity peer = admit("*.a.org=one", "DNS:x.a.org").orElseThrow();
    for (String name :
        List.of("one", EnvoyResources.tokenName("one"), GateResources.clusterName("one"))) {
      assertThat(peer.visibility().includes(name)).as(name).isTrue();
    }
    for (String name :
        List.of("two", "one2", EnvoyResources.tokenName("two"), GateResources.clusterName("two"))) {
      assertThat(peer.visibility().includes(name)).as(name).isFalse();
    }
    assertThat(peer.visibility())
        .isEqualTo(admit("*.b.org=one", "DNS:other.b.org").orElseThrow().visibility());
    assertThat(PeerIdentity.UNKNOWN.visibility().includes("two")).isTrue();
  }

  @Test
  void its_node_id_is_a_name_of_its_certificate_that_a_rule_is_for() {
    PeerIdentity dns = admit("*.a.org=*", "DNS:edge-1.a.org", "DNS:edge-2.b.org").orElseThrow();
    assertThat(List.of("edge-1", "edge-1.a.org")).allMatch(dns::mayBe);
    assertThat(List.of("edge-2", "edge-2.b.org", "edge", "a.org", "")).noneMatch(dns::mayBe);
    PeerIdentity spiffe =
        admit("spiffe://a.org/*=*", "URI:spiffe://a.org/edge/edge-1").orElseThrow();
    assertThat(List.of("edge-1", "spiffe://a.org/edge/edge-1")).allMatch(spiffe::mayBe);
    assertThat(List.of("edge", "a.org", "")).noneMatch(spiffe::mayBe);
    assertThat(admit(NodeIdRule.NAME, List.of(), "URI:spiffe://a.org").orElseThrow().mayBe("a.org"))
        .as("a trust domain is nobody's name")
        .isFalse();
    PeerIdentity any = admit(NodeIdRule.ANY, List.of("*.a.org=*"), "DNS:edge.a.org").orElseThrow();
    assertThat(List.of("edge-7", "")).allMatch(any::mayBe);
    assertThat(PeerIdentity.UNKNOWN.mayBe("anything")).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "edge",
        "=one",
        "edge=",
        "edge=one,",
        "edge=one,*",
        "*=one",
        "*edge.org=one",
        "a.*.org=one",
        "*.=one",
        "spiffe://=one",
        "spiffe://*/edge=one",
        "spiffe://a.org/e*=one",
        "a b=one"
      })
  void what_is_no_rule_is_refused_with_a_reason(String text) {
    assertThatThrownBy(() -> PeerRule.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'");
  }
}
