package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.registry.model.Health;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SilenceTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");

  @ParameterizedTest
  @CsvSource({
    "PASSING,  0,  PASSING",
    "PASSING,  9,  PASSING",
    "PASSING,  10, WARNING",
    "PASSING,  29, WARNING",
    "PASSING,  30, CRITICAL",
    "WARNING,  9,  WARNING",
    "WARNING,  30, CRITICAL",
    "CRITICAL, 0,  CRITICAL",
    "CRITICAL, 15, CRITICAL"
  })
  void the_worse_of_its_word_and_its_silence(Health said, int seconds, Health health) {
    var report = Optional.of(new StatusReport(said, "said", Optional.empty()));
    Silence.Verdict verdict = Silence.DEFAULTS.judge(report, T0, T0.plusSeconds(seconds));
    assertThat(verdict.health()).isEqualTo(health);
    assertThat(verdict.note())
        .isEqualTo(said == health ? "said" : "the server has not reported for " + seconds + " s");
  }

  @Test
  void a_restarted_agent_gives_the_server_as_long_as_ever() {
    assertThat(Silence.DEFAULTS.judge(Optional.empty(), T0, T0.plusSeconds(9)).health())
        .isEqualTo(Health.PASSING);
    assertThat(Silence.DEFAULTS.judge(Optional.empty(), T0, T0.plusSeconds(30)).health())
        .isEqualTo(Health.CRITICAL);
  }

  @Test
  void where_both_start_together_a_server_is_closed_until_it_has_said_something() {
    Silence together = new Silence(Duration.ofSeconds(10), Duration.ofSeconds(30), Health.CRITICAL);
    assertThat(together.judge(Optional.empty(), T0, T0).health()).isEqualTo(Health.CRITICAL);
    var report = Optional.of(new StatusReport(Health.PASSING, "", Optional.empty()));
    assertThat(together.judge(report, T0, T0).health()).isEqualTo(Health.PASSING);
  }

  @Test
  void overload_shows_as_a_warning_and_hides_nothing_worse() {
    var passing = new Silence.Verdict(Health.PASSING, "fine");
    var critical = new Silence.Verdict(Health.CRITICAL, "dead");
    assertThat(Silence.withOverload(passing, 0.89, 0.9)).isEqualTo(passing);
    assertThat(Silence.withOverload(passing, 0.9, 0.9))
        .isEqualTo(
            new Silence.Verdict(Health.WARNING, "overloaded: load 0.90 is at or above 0.90"));
    assertThat(Silence.withOverload(critical, 2, 0.9)).isEqualTo(critical);
  }

  @Test
  void warning_comes_before_critical() {
    assertThatThrownBy(
            () -> new Silence(Duration.ofSeconds(30), Duration.ofSeconds(10), Health.PASSING))
        .hasMessageContaining("silence-warning");
  }
}
