package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FallbackTest {
  @ParameterizedTest
  @CsvSource({
    // type, error, gated, leds, what it is given instead
    "LDS, Failed to load dynamic module: libbolina_gate.so, true, true, WITHOUT_GATE",
    "LDS, Failed to load dynamic_module bolina_gate, true, false, WITHOUT_GATE",
    "LDS, cannot bind '192.0.2.1:10000': Cannot assign requested address, true, true, NONE",
    "LDS, Failed to load dynamic module: libbolina_gate.so, false, true, NONE",
    "CDS, Failed to load dynamic module: libbolina_gate.so, true, true, NONE",
    "EDS, LEDS is not supported, true, true, EDS",
    "EDS, malformed IP address, false, true, EDS",
    "EDS, malformed IP address, false, false, NONE",
    "LEDS, malformed IP address, true, true, NONE",
  })
  void what_an_envoy_cannot_use_is_replaced(
      String type, String error, boolean gated, boolean leds, Fallback expected) {
    String typeUrl =
        XdsTypes.IN_ORDER.stream()
            .filter(t -> XdsTypes.shortName(t).equals(type))
            .findFirst()
            .orElseThrow();
    assertThat(Fallback.after(typeUrl, error, gated, leds)).isEqualTo(expected);
  }
}
