package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.WeightSteps;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LoadWritePolicyTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final Instant LATER = T0.plusSeconds(60);

  private static boolean writes(double before, double now, Instant at) {
    return AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
        .loadWrites()
        .worthWriting(
            Optional.of(new LoadWritePolicy.WrittenLoad(LoadReport.of(before), T0)),
            LoadReport.of(now),
            at);
  }

  @ParameterizedTest
  @CsvSource({
    "0.30, 0.30, false", "0.30, 0.34, false", "0.30, 0.3501, true", "0.30, 0.2499, true",
    "0.49, 0.505, true", "0.499, 0.501, false", "0.88, 0.91, true", "0.899, 0.901, true",
    "0.901, 0.899, false", "0.91, 0.895, true"
  })
  void a_load_is_written_if_it_moved_or_crossed_a_step(double before, double now, boolean written) {
    assertThat(writes(before, now, LATER)).isEqualTo(written);
  }

  @Test
  void other_thresholds_make_other_steps() {
    LoadWritePolicy policy =
        new LoadWritePolicy(
            0.05, Duration.ofSeconds(5), new LoadThresholds(0.85, WeightSteps.DEFAULT));
    var last = Optional.of(new LoadWritePolicy.WrittenLoad(LoadReport.of(0.83), T0));
    assertThat(policy.worthWriting(last, LoadReport.of(0.86), LATER)).isTrue();
    assertThat(writes(0.83, 0.86, LATER)).isFalse();
    var higher = Optional.of(new LoadWritePolicy.WrittenLoad(LoadReport.of(0.88), T0));
    assertThat(policy.worthWriting(higher, LoadReport.of(0.91), LATER)).isFalse();
    assertThat(writes(0.88, 0.91, LATER)).isTrue();
  }

  @Test
  void never_twice_within_the_interval_and_the_first_at_once() {
    assertThat(writes(0.1, 0.8, T0.plusMillis(4_999))).isFalse();
    assertThat(writes(0.1, 0.8, T0.plusSeconds(5))).isTrue();
    assertThat(
            AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                .loadWrites()
                .worthWriting(Optional.empty(), LoadReport.of(0), T0))
        .isTrue();
  }

  @Test
  void what_closes_the_server_does_not_wait_and_what_opens_it_does() {
    assertThat(writes(0.899, 0.9, T0.plusMillis(1))).isTrue();
    assertThat(writes(0.95, 0.1, T0.plusMillis(4_999))).isFalse();
    assertThat(writes(0.95, 1.1, T0.plusMillis(4_999))).as("closed already").isFalse();
  }

  /** A load that swings around the threshold costs two writes in an interval at most. */
  @Test
  void closing_at_once_costs_one_more_write_in_an_interval() {
    int writes = 0;
    Optional<LoadWritePolicy.WrittenLoad> last = Optional.empty();
    for (int i = 0; i < 10_000; i++) {
      Instant at = T0.plusMillis(100L * i);
      LoadReport report = LoadReport.of(i % 2 == 0 ? 0.7 : 1.0);
      if (AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
          .loadWrites()
          .worthWriting(last, report, at)) {
        last = Optional.of(new LoadWritePolicy.WrittenLoad(report, at));
        writes++;
      }
    }
    assertThat(writes).isBetween(200, 2 * 200 + 1);
  }

  @ParameterizedTest
  @CsvSource({
    "100, 110, false",
    "100, 120, true",
    "1, 5, false",
    "1, 0, true",
    "0, 0, false",
    "0, 1, true",
    "5, 16, true"
  })
  void sessions_are_written_when_a_fifth_came_or_went_and_when_the_first_came_or_the_last_ended(
      long before, long now, boolean written) {
    assertThat(
            AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                .loadWrites()
                .worthWriting(
                    Optional.of(new LoadWritePolicy.WrittenLoad(LoadReport.of(0.3, before), T0)),
                    LoadReport.of(0.3, now),
                    LATER))
        .isEqualTo(written);
  }

  @Property
  void what_is_known_is_never_far_from_what_is(
      @ForAll @DoubleRange(min = 0, max = 1.5) double before,
      @ForAll @DoubleRange(min = 0, max = 1.5) double now) {
    if (!writes(before, now, LATER)) {
      assertThat(Math.abs(now - before))
          .isLessThan(
              AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                  .loadWrites()
                  .deadBand());
    }
  }

  /** The arithmetic of docs/agent.md: an hour of noisy load, reported every second. */
  @Test
  void a_noisy_load_costs_few_writes() {
    for (double noise : new double[] {0.01, 0.02, 0.04}) {
      Random random = new Random(1);
      int writes = 0;
      Optional<LoadWritePolicy.WrittenLoad> last = Optional.empty();
      for (int second = 0; second < 3_600; second++) {
        double load =
            0.55 + 0.25 * Math.sin(second * 2 * Math.PI / 3_600) + noise * random.nextGaussian();
        Instant at = T0.plusSeconds(second);
        LoadReport report = LoadReport.of(Math.max(0, load));
        if (AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
            .loadWrites()
            .worthWriting(last, report, at)) {
          last = Optional.of(new LoadWritePolicy.WrittenLoad(report, at));
          writes++;
        }
      }
      System.out.printf("noise %.2f: %.2f writes a minute%n", noise, writes / 60.0);
      assertThat(writes / 60.0).isLessThanOrEqualTo(12);
    }
    assertThat(
            AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
                .loadWrites()
                .interval())
        .isEqualTo(Duration.ofSeconds(5));
  }
}
