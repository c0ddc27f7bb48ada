package io.bolina.controlplane.resources;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Value;
import io.envoyproxy.envoy.config.core.v3.BuildVersion;
import io.envoyproxy.envoy.config.core.v3.Extension;
import io.envoyproxy.envoy.config.core.v3.Node;
import io.envoyproxy.envoy.type.v3.SemanticVersion;
import org.junit.jupiter.api.Test;

class GateSupportTest {
  private static final Node GOOD = node("v0.2.0", 40, GateSupport.FILTER, GateSupport.POLICY);

  private static Node node(String abi, int minor, String... extensions) {
    Node.Builder node = Node.newBuilder().setId("edge");
    node.getMetadataBuilder()
        .putFields("bolina.gate", Value.newBuilder().setStringValue(abi).build());
    node.setUserAgentBuildVersion(
        BuildVersion.newBuilder()
            .setVersion(SemanticVersion.newBuilder().setMajorNumber(1).setMinorNumber(minor)));
    for (String extension : extensions) {
      node.addExtensions(Extension.newBuilder().setName(extension));
    }
    return node.build();
  }

  @Test
  void an_envoy_of_a_tested_version_with_the_module_gets_the_gate() {
    assertThat(GateSupport.of(GOOD)).isEqualTo(new GateSupport(true, ""));
  }

  @Test
  void any_other_does_not_and_it_is_said_why() {
    assertNot(GOOD.toBuilder().clearMetadata().build(), "envoy-bootstrap --gate");
    assertNot(Node.getDefaultInstance(), "envoy-bootstrap --gate");
    assertNot(node("v0.1.0", 40, GateSupport.FILTER, GateSupport.POLICY), "interface v0.1.0");
    assertNot(node("v0.2.0", 41, GateSupport.FILTER, GateSupport.POLICY), "Envoy 1.41");
    assertNot(node("v0.2.0", 40, GateSupport.FILTER), GateSupport.POLICY);
    assertNot(node("v0.2.0", 40), GateSupport.FILTER);
    assertNot(GOOD.toBuilder().clearUserAgentVersionType().build(), "Envoy 0.0");
  }

  private static void assertNot(Node node, String reason) {
    GateSupport support = GateSupport.of(node);
    assertThat(support.gated()).isFalse();
    assertThat(support.reason()).contains(reason);
  }
}
