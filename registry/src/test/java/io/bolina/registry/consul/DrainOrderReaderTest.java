package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.registry.model.DrainOrder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DrainOrderReaderTest {
  private static DrainOrder parse(String entry) {
    return DrainOrderReader.parse(entry.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void every_field_is_optional_and_further_texts_are_notes() {
    assertThat(parse("{}")).isEqualTo(new DrainOrder("", Instant.EPOCH, "", Map.of()));
    assertThat(
            parse(
                "{\"by\": \"ann\", \"since\": \"2026-11-24T10:00:00Z\", \"reason\": \"disk\", \"pod\": \"u\", \"n\": 1}"))
        .isEqualTo(
            new DrainOrder(
                "ann", Instant.parse("2026-11-24T10:00:00Z"), "disk", Map.of("pod", "u")));
  }

  @Property(tries = 100)
  void what_is_written_is_read(@ForAll String by, @ForAll String reason, @ForAll String note) {
    if (by.length() + reason.length() + note.length() > 300) {
      return;
    }
    DrainOrder order = new DrainOrder(by, Instant.EPOCH, reason, Map.of("pod", note));
    // Half a surrogate pair has no UTF-8 form.
    DrainOrder readable =
        parse(
            new String(
                DrainOrderReader.write(order).getBytes(StandardCharsets.UTF_8),
                StandardCharsets.UTF_8));
    assertThat(DrainOrderReader.write(readable).getBytes(StandardCharsets.UTF_8))
        .isEqualTo(DrainOrderReader.write(order).getBytes(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | not a JSON object",
        "true | not a JSON object",
        "drain | not JSON",
        "{\"since\": \"yesterday\"} | since is 'yesterday'",
        "{\"since\": 5} | since is '5'"
      })
  void what_cannot_be_used_is_named(String entry, String reason) {
    assertThatThrownBy(() -> parse(entry))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(reason);
  }
}
