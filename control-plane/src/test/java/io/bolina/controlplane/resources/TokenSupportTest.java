package io.bolina.controlplane.resources;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class TokenSupportTest {
  private static final GateSupport GATE = new GateSupport(true, "");
  private static final GateSupport NO_GATE = new GateSupport(false, "it is Envoy 1.39");

  @Test
  void an_envoy_that_asks_for_it_and_has_the_gate_begins_with_it() {
    assertThat(TokenSupport.of(true, GATE, Optional.empty())).hasToString("on");
    assertThat(TokenSupport.of(false, GATE, Optional.empty()).reason())
        .contains("envoy-bootstrap --tokens");
    assertThat(TokenSupport.of(true, NO_GATE, Optional.empty()))
        .hasToString("off: it has no gate: it is Envoy 1.39");
  }

  @Test
  void a_running_envoy_keeps_what_it_runs_with() {
    for (GateSupport gate : new GateSupport[] {GATE, NO_GATE}) {
      for (boolean asked : new boolean[] {true, false}) {
        assertThat(TokenSupport.of(asked, gate, Optional.of(true)).on()).isTrue();
        assertThat(TokenSupport.of(asked, gate, Optional.of(false)).on()).isFalse();
      }
    }
    assertThat(TokenSupport.of(true, GATE, Optional.of(false)).reason())
        .isEqualTo("it runs without; it must be restarted to begin");
  }
}
