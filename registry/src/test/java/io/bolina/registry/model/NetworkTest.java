package io.bolina.registry.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworkTest {
  @ParameterizedTest
  @CsvSource({
    "10.0.0.0/8, 10.0.0.0/8",
    "10.255.3.4/9, 10.128.0.0/9",
    "192.0.2.7, 192.0.2.7/32",
    "1.2.3.4/0, 0.0.0.0/0",
    "2001:db8::/32, 2001:db8:0:0:0:0:0:0/32",
    "2001:db8:ffff::1/33, 2001:db8:8000:0:0:0:0:0/33",
    "::1, 0:0:0:0:0:0:0:1/128",
  })
  void reads_and_writes(String text, String written) {
    assertThat(Network.parse(text)).hasToString(written);
    assertThat(Network.parse(written)).isEqualTo(Network.parse(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0/8",
        "::/129",
        "host",
        "1.2.3.4/8/8"
      })
  void what_is_none_is_named(String text) {
    assertThatThrownBy(() -> Network.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + text + "'");
  }

  @Test
  void come_in_one_order_each_once() {
    assertThat(
            Network.inOrder(
                List.of(
                    Network.parse("::1"),
                    Network.parse("10.0.0.0/8"),
                    Network.parse("9.9.9.9"),
                    Network.parse("10.1.1.1/8"))))
        .extracting(Network::toString)
        .containsExactly("10.0.0.0/8", "9.9.9.9/32", "0:0:0:0:0:0:0:1/128");
  }
}
