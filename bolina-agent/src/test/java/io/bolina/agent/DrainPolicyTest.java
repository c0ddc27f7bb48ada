package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Server;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class DrainPolicyTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");

  private static final Duration SILENCE = Duration.ofSeconds(12);

  private static DrainPolicy.DrainProgress after(
      int seconds, OptionalLong sessions, boolean hurried) {
    return AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
        .drain()
        .progress(
            Optional.of(T0),
            Optional.empty(),
            sessions,
            T0,
            SILENCE,
            hurried,
            T0.plusSeconds(seconds));
  }

  @Test
  void it_waits_for_the_last_session_or_the_drain_time() {
    assertThat(after(5, OptionalLong.of(3), false))
        .isEqualTo(
            new DrainPolicy.DrainProgress(false, "3 sessions to end, for at most 595 s more"));
    assertThat(after(5, OptionalLong.of(1), false).waitsFor()).startsWith("1 session to end");
    assertThat(after(5, OptionalLong.of(0), false).over()).isTrue();
    assertThat(after(599, OptionalLong.of(3), false).over()).isFalse();
    assertThat(after(600, OptionalLong.of(3), false).over()).isTrue();
  }

  @Test
  void without_knowing_the_sessions_it_waits_for_the_whole_drain_time() {
    assertThat(after(599, OptionalLong.empty(), false).over()).isFalse();
    assertThat(after(600, OptionalLong.empty(), false).over()).isTrue();
  }

  @Test
  void that_there_was_no_session_before_it_was_closed_ends_no_wait() {
    DrainPolicy.DrainProgress progress = lastReportBefore(5);
    assertThat(progress.over()).isFalse();
    assertThat(progress.waitsFor()).contains("to report that it has no session");
  }

  @Test
  void a_server_that_had_no_session_and_does_not_report_any_more_is_not_waited_for() {
    assertThat(lastReportBefore(11).over()).isFalse();
    assertThat(lastReportBefore(12))
        .isEqualTo(
            new DrainPolicy.DrainProgress(
                true, "it had no session, and has not reported for 12 s"));
  }

  private static DrainPolicy.DrainProgress lastReportBefore(int seconds) {
    return AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
        .drain()
        .progress(
            Optional.of(T0),
            Optional.empty(),
            OptionalLong.of(0),
            T0.minusMillis(1),
            SILENCE,
            false,
            T0.plusSeconds(seconds));
  }

  @Test
  void it_is_over_when_the_time_that_there_is_is_over() {
    DrainPolicy policy =
        AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of())).drain();
    Optional<Instant> until = Optional.of(T0.plusSeconds(25));
    assertThat(
            policy
                .progress(
                    Optional.of(T0),
                    until,
                    OptionalLong.of(9),
                    T0,
                    SILENCE,
                    false,
                    T0.plusSeconds(24))
                .waitsFor())
        .isEqualTo("9 sessions to end, for at most 1 s more");
    assertThat(
            policy.progress(
                Optional.of(T0), until, OptionalLong.of(9), T0, SILENCE, false, T0.plusSeconds(25)))
        .isEqualTo(new DrainPolicy.DrainProgress(true, "the 25 s that there were are over"));
    assertThat(DrainPolicy.before(Duration.ofSeconds(30))).isEqualTo(Duration.ofSeconds(25));
    assertThat(DrainPolicy.before(Duration.ofSeconds(4))).isEqualTo(Duration.ofSeconds(3));
  }

  @Test
  void hurried_it_does_not_wait() {
    assertThat(after(1, OptionalLong.of(300), true).over()).isTrue();
  }

  @Test
  void a_server_that_does_not_drain_is_never_through() {
    assertThat(
            AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                .drain()
                .progress(
                    Optional.empty(), Optional.empty(), OptionalLong.of(0), T0, SILENCE, true, T0)
                .over())
        .isFalse();
  }
}
