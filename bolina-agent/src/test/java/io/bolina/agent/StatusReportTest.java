package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatusReportTest {
  @Test
  void everything_is_optional() {
    assertThat(StatusReport.parse("{}"))
        .isEqualTo(new StatusReport(Health.PASSING, "", Optional.empty()));
    assertThat(
            StatusReport.parse(
                "{\"health\": \"critical\", \"note\": \"disk\", \"load\": 1.2, \"sessions\": 7, \"metrics\": {\"cpu\": 0.5}}"))
        .isEqualTo(
            new StatusReport(
                Health.CRITICAL,
                "disk",
                Optional.of(new LoadReport(1.2, OptionalLong.of(7), Map.of("cpu", 0.5)))));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | not a JSON object",
        "hello | not JSON",
        "{\"helth\": 1} | no field 'helth'",
        "{\"health\": \"great\"} | health is \"great\"",
        "{\"health\": null} | health is null",
        "{\"load\": \"high\"} | load is \"high\"",
        "{\"load\": -1} | -1",
        "{\"load\": 0.1, \"sessions\": 1.5} | sessions is 1.5",
        "{\"load\": 0.1, \"sessions\": -1} | sessions is -1",
        "{\"sessions\": 5} | go with a load",
        "{\"load\": 0.1, \"metrics\": {\"cpu\": \"x\"}} | cpu is \"x\""
      })
  void what_cannot_be_used_is_named(String text, String reason) {
    assertThatThrownBy(() -> StatusReport.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void a_note_and_a_reason_are_cut_and_escaped() {
    String text = "x".repeat(499) + "\\u001b" + "y".repeat(2_000);
    String shown = "x".repeat(499) + "\\u001b";
    assertThat(StatusReport.parse("{\"health\": \"passing\", \"note\": \"" + text + "\"}").note())
        .isEqualTo(shown);
    assertThat(StatusReport.goodbyeReason("{\"reason\": \"" + text + "\"}")).isEqualTo(shown);
  }

  @Property
  void no_text_leads_to_anything_but_a_report_or_a_named_error(@ForAll String text) {
    try {
      assertThat(StatusReport.parse(text)).isNotNull();
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageMatching("(?s).+");
    }
  }
}
