package io.bolina.registry.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ServerTest {
  @ParameterizedTest
  @CsvSource({
    "10.0.0.1, 7000, 10.0.0.1:7000",
    "2001:db8::1, 7000, [2001:db8::1]:7000",
    "2001:DB8::1, 7000, [2001:db8::1]:7000",
    "2001:0db8:0000:0000:0000:0000:0000:0001, 7000, [2001:db8::1]:7000",
    "2001:db8:0:0:1:0:0:1, 7000, [2001:db8::1:0:0:1]:7000",
    "2001:db8:0:1:1:1:1:1, 7000, [2001:db8:0:1:1:1:1:1]:7000",
    "1::, 7000, [1::]:7000",
    "::1, 7000, [::1]:7000",
    "::ffff:10.0.0.1, 7000, 10.0.0.1:7000",
    "0:0:0:0:0:FFFF:0a00:0001, 7000, 10.0.0.1:7000",
    "64:ff9b::10.0.0.1, 7000, [64:ff9b::a00:1]:7000",
    "127.0.0.1, 65535, 127.0.0.1:65535"
  })
  void an_ip_address_and_a_port_are_an_endpoint(String address, int port, String endpoint) {
    assertThat(new Server("b", "bolina", address, port, "", Map.of()).endpoint())
        .hasToString(endpoint);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost",
        "a.example",
        "0.0.0.0",
        "::",
        "256.1.1.1",
        "1.2.3",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "0.1.2.3",
        "::ffff:0.0.0.0",
        "::ffff:255.255.255.255",
        "::ffff:224.0.0.1",
        "0:0:0:0:0:0:0:0",
        "0177.0.0.1",
        "2130706433",
        "ff02::1",
        "10.0.0.1:80",
        "fe80::1%eth0",
        "1::2::3",
        " 10.0.0.1"
      })
  void anything_else_is_refused_with_its_value(String address) {
    assertThatThrownBy(() -> new Server("b", "bolina", address, 7000, "", Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + address + "'");
  }

  @Test
  void a_port_is_between_1_and_65535() {
    assertThatThrownBy(() -> new Server("b", "bolina", "10.0.0.1", 0, "", Map.of()))
        .hasMessageContaining("port 0");
    assertThatThrownBy(() -> new Server("b", "bolina", "10.0.0.1", 65536, "", Map.of()))
        .hasMessageContaining("port 65536");
  }
}
