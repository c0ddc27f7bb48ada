package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.WeightSteps;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReportDeadlinesTest {
  private static final String URL = "http://127.0.0.1:7070/v1/status";
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
  void the_worse_of_what_was_reported_and_of_a_missing_report(
      Health reported, int seconds, Health health) {
    var report = Optional.of(new StatusReport(reported, "slow disk", Optional.empty()));
    ServerHealth assessed =
        AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
            .deadlines()
            .assess(report, T0, T0.plusSeconds(seconds), URL);
    assertThat(assessed.health()).isEqualTo(health);
    assertThat(assessed.reason())
        .isEqualTo(
            reported == health ? "slow disk" : "no report from the server for " + seconds + " s");
  }

  @Test
  void a_restarted_agent_gives_the_server_as_long_as_ever() {
    assertThat(
            AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                .deadlines()
                .assess(Optional.empty(), T0, T0.plusSeconds(9), URL)
                .health())
        .isEqualTo(Health.PASSING);
    assertThat(
            AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                .deadlines()
                .assess(Optional.empty(), T0, T0.plusSeconds(30), URL)
                .health())
        .isEqualTo(Health.CRITICAL);
  }

  @Test
  void where_both_start_together_a_server_is_closed_until_it_has_reported() {
    ReportDeadlines together =
        new ReportDeadlines(Duration.ofSeconds(10), Duration.ofSeconds(30), Health.CRITICAL);
    assertThat(together.assess(Optional.empty(), T0, T0, URL).health()).isEqualTo(Health.CRITICAL);
    var report = Optional.of(new StatusReport(Health.PASSING, "", Optional.empty()));
    assertThat(together.assess(report, T0, T0, URL).health()).isEqualTo(Health.PASSING);
  }

  @Test
  void overload_shows_as_a_warning_and_hides_nothing_worse() {
    LoadThresholds thresholds = new LoadThresholds(0.85, WeightSteps.DEFAULT);
    var passing = new ServerHealth(Health.PASSING, "fine");
    var critical = new ServerHealth(Health.CRITICAL, "dead");
    assertThat(ReportDeadlines.withOverload(passing, Optional.of(LoadReport.of(0.84)), thresholds))
        .isEqualTo(passing);
    assertThat(ReportDeadlines.withOverload(passing, Optional.empty(), thresholds))
        .isEqualTo(passing);
    assertThat(ReportDeadlines.withOverload(passing, Optional.of(LoadReport.of(0.85)), thresholds))
        .isEqualTo(new ServerHealth(Health.WARNING, "overloaded: load 0.85 is at or above 0.85"));
    assertThat(ReportDeadlines.withOverload(critical, Optional.of(LoadReport.of(2)), thresholds))
        .isEqualTo(critical);
  }

  @Test
  void a_server_that_never_reported_has_a_note_that_says_what_to_do() {
    assertThat(never(Health.PASSING, 9))
        .endsWith("waiting for the server's first report to " + URL);
    assertThat(never(Health.PASSING, 12))
        .isEqualTo(
            "no report from the server since the agent started 12 s ago; critical in 18 s unless it"
                + " reports to "
                + URL
                + "; or set a probe: probe-udp, probe-pid-file, probe-cgroup or load-command");
    assertThat(never(Health.PASSING, 31)).contains("31 s ago; critical until it reports to");
    assertThat(never(Health.CRITICAL, 12)).contains("12 s ago; critical until it reports to");
  }

  private static String never(Health atStart, int seconds) {
    return new ReportDeadlines(Duration.ofSeconds(10), Duration.ofSeconds(30), atStart)
        .assess(Optional.empty(), T0, T0.plusSeconds(seconds), URL)
        .reason();
  }

  @Test
  void warning_comes_before_critical() {
    assertThatThrownBy(
            () ->
                new ReportDeadlines(Duration.ofSeconds(30), Duration.ofSeconds(10), Health.PASSING))
        .hasMessageContaining("silence-warning");
  }
}
