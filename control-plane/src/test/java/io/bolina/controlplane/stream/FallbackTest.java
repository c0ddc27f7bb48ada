package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FallbackTest {
  @ParameterizedTest
  @CsvSource({
    // type, error, gated, tokens, leds, what it is given instead
    "LDS, Failed to load dynamic module: libbolina_gate.so, true, false, true, WITHOUT_GATE",
    "LDS, Failed to load dynamic_module bolina_gate, true, false, false, WITHOUT_GATE",
    "LDS, cannot bind '192.0.2.1:10000': Cannot assign requested address, true, false, true, NONE",
    "LDS, Failed to load dynamic module: libbolina_gate.so, false, false, true, NONE",
    "CDS, Failed to load dynamic module: libbolina_gate.so, true, false, true, NONE",
    "CDS, Error adding cluster(s) bolina-tokens.b: no module, true, true, true, WITHOUT_TOKENS",
    "CDS, Error adding cluster(s) bolina-tokens.b: no module, true, false, true, NONE",
    "CDS, Error adding cluster(s) bolina-gate.b: rules, true, true, true, NONE",
    "EDS, LEDS is not supported, true, false, true, EDS",
    "EDS, malformed IP address, false, false, true, EDS",
    "EDS, malformed IP address, false, false, false, NONE",
    "LEDS, malformed IP address, true, false, true, NONE",
  })
  void what_an_envoy_cannot_use_is_replaced(
      String type, String error, boolean gated, boolean tokens, boolean leds, Fallback expected) {
    String typeUrl =
        XdsTypes.IN_ORDER.stream()
            .filter(t -> XdsTypes.shortName(t).equals(type))
            .findFirst()
            .orElseThrow();
    assertThat(Fallback.after(typeUrl, error, gated, tokens, leds)).isEqualTo(expected);
  }
}
