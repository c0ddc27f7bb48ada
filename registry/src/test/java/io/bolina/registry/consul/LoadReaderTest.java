package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.model.LoadReport;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.Base64;
import java.util.Map;
import java.util.OptionalLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoadReaderTest {
  private static LoadReport parse(String entry) {
    return LoadReader.parse(entry.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void load_sessions_and_further_numbers_are_read() {
    assertThat(parse("{\"load\": 0.42, \"sessions\": 318, \"cpu\": 0.37, \"name\": \"x\"}"))
        .isEqualTo(new LoadReport(0.42, OptionalLong.of(318), Map.of("cpu", 0.37)));
    assertThat(parse("{\"load\": 1}")).isEqualTo(LoadReport.of(1));
    assertThat(parse("{\"load\": 2.5, \"sessions\": null}")).isEqualTo(LoadReport.of(2.5));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | not a JSON object",
        "hello | not JSON",
        "[0.5] | not a JSON object",
        "0.5 | not a JSON object",
        "{\"load\": 0.5 | not JSON",
        "{\"load\": 0.5} x | not JSON",
        "{\"load\": 0.5, \"load\": 0.6} | not JSON",
        "{\"sessions\": 5} | load is missing",
        "{\"load\": \"0.5\"} | load is \"0.5\", not a number",
        "{\"load\": NaN} | not JSON",
        "{\"load\": \"NaN\"} | not a number",
        "{\"load\": -0.1} | -0.1",
        "{\"load\": 1e999} | Infinity",
        "{\"load\": 0.5, \"sessions\": -1} | sessions is -1",
        "{\"load\": 0.5, \"sessions\": 1.5} | sessions is 1.5",
        "{\"load\": 0.5, \"sessions\": 1e30} | sessions is 1.0E30"
      })
  void what_cannot_be_used_is_named(String entry, String reason) {
    assertThatThrownBy(() -> parse(entry))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void the_largest_entry_has_4096_bytes() {
    String most = "{\"load\": 0.5}" + " ".repeat(4096 - 13);
    assertThat(parse(most)).isEqualTo(LoadReport.of(0.5));
    assertThatThrownBy(() -> parse(most + " ")).hasMessageContaining("4097 bytes");
  }

  @Property
  void no_bytes_whatever_lead_to_anything_but_a_report_or_a_named_error(@ForAll byte[] entry) {
    try {
      assertThat(LoadReader.parse(entry).load()).isNotNegative();
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageMatching("(?s).+");
    }
  }

  @Test
  void one_bad_entry_affects_no_other() throws Exception {
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    LoadReader reader = new LoadReader("bolina", new Warnings(meters, Clock.systemUTC()));
    String answer =
        "["
            + String.join(
                ",",
                entry("bolina/load/bolina/", ""),
                entry("bolina/load/bolina/b-1", "{\"load\": 0.1}"),
                entry("bolina/load/bolina/b-2", "oh"),
                entry("bolina/load/bolina/with/slash", "{\"load\": 0.2}"),
                "{\"Key\": \"bolina/load/bolina/b-3\", \"Value\": null}",
                "{\"Key\": \"bolina/load/bolina/b-4\", \"Value\": \"!\"}",
                "5",
                "{\"Key\": {\"a\": []}}")
            + "]";
    JsonArrayReader entries =
        new JsonArrayReader(new ByteArrayInputStream(answer.getBytes(StandardCharsets.UTF_8)));
    assertThat(reader.read(entries)).containsOnlyKeys("b-1", "with/slash");
    assertThat(entries.count()).isEqualTo(8);
    assertThat(meters.counter("bolina.bad.input", "kind", "load-entry").count()).isEqualTo(5);
  }

  private static String entry(String key, String value) {
    return new JsonMapper()
        .createObjectNode()
        .put("Key", key)
        .put("Value", Base64.getEncoder().encodeToString(value.getBytes(StandardCharsets.UTF_8)))
        .toString();
  }
}
