package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Network;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class GateOrdersReaderTest {
  private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
  private final GateOrdersReader reader =
      new GateOrdersReader("bolina", new Warnings(meters, Clock.systemUTC()));

  private GateOrdersReader.GateOrderSet read(Map<String, String> entries) throws IOException {
    String json =
        new TreeMap<>(entries)
            .entrySet().stream()
                .map(
                    e ->
                        "{\"Key\": \"bolina/gate/bolina/"
                            + e.getKey()
                            + "\", \"Value\": \""
                            + Base64.getEncoder()
                                .encodeToString(e.getValue().getBytes(StandardCharsets.UTF_8))
                            + "\"}")
                .collect(Collectors.joining(",", "[", "]"));
    return reader.read(
        new JsonArrayReader(new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8))));
  }

  private static List<Network> networks(String... texts) {
    return Arrays.stream(texts).map(Network::parse).sorted().toList();
  }

  private double warnings() {
    return meters.find("bolina.bad.input").counters().stream().mapToDouble(c -> c.count()).sum();
  }

  @Test
  void nothing_is_no_order() throws IOException {
    assertThat(read(Map.of())).isEqualTo(new GateOrdersReader.GateOrderSet(false, List.of()));
    assertThat(read(Map.of("", "", "deny/", ""))).isEqualTo(read(Map.of()));
    assertThat(warnings()).isZero();
  }

  @Test
  void shields_and_several_lists_are_one_order() throws IOException {
    assertThat(
            read(
                Map.of(
                    "shields", " Up\n",
                    "deny/monday",
                        "10.1.0.0/16, 192.0.2.7\n# a remark 1.1.1.1\n2001:db8::/32 # two",
                    "deny/tuesday", "192.0.2.7/32")))
        .isEqualTo(
            new GateOrdersReader.GateOrderSet(
                true, networks("10.1.0.0/16", "192.0.2.7", "2001:db8::/32")));
    assertThat(read(Map.of("shields", "down")).shieldsUp()).isFalse();
    assertThat(warnings()).isZero();
  }

  @Test
  void what_cannot_be_used_is_ignored_and_the_rest_holds() throws IOException {
    assertThat(
            read(
                Map.of(
                    "shields", "on",
                    "sheilds", "up",
                    "deny/a", "10.1.0.0/16 everyone 0.0.0.0/0 ::/0 10.2.0.0/16",
                    "deny/b", "\u0000\uffff")))
        .isEqualTo(
            new GateOrdersReader.GateOrderSet(false, networks("10.1.0.0/16", "10.2.0.0/16")));
    assertThat(warnings()).isEqualTo(6);
  }

  @Test
  void the_largest_list_has_512_KiB() throws IOException {
    String network = "10.1.0.0/16";
    String most = network + " ".repeat(512 * 1024 - network.length());
    assertThat(read(Map.of("deny/a", most)).denied()).containsExactlyElementsOf(networks(network));
    assertThat(warnings()).isZero();
    assertThat(read(Map.of("deny/a", most + " ")).denied()).isEmpty();
    assertThat(warnings()).isEqualTo(1);
  }
}
