package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** The rules of a watch loop: its back-off and its pace. */
class WatchRulesTest {
  @Property
  void a_back_off_doubles_up_to_its_bound_with_jitter(
      @ForAll @IntRange(min = 1, max = 200) int failures,
      @ForAll @DoubleRange(min = 0, max = 1, maxIncluded = false) double random) {
    Backoff backoff = new Backoff(Duration.ofMillis(250), Duration.ofSeconds(10), () -> random);
    Duration last = Duration.ZERO;
    for (int i = 0; i < failures; i++) {
      last = backoff.next();
    }
    double range = Math.min(10_000, 250 * Math.pow(2, failures - 1));
    assertThat((double) last.toMillis()).isBetween(range / 2 - 1, range);
    backoff.reset();
    assertThat(backoff.next()).isLessThanOrEqualTo(Duration.ofMillis(250));
  }

  @Test
  void a_quiet_prefix_is_read_at_once_and_a_chatty_one_at_a_steady_pace() {
    Pacing pacing = new Pacing(Duration.ofMillis(500), 2, 0);
    long now = 0;
    assertThat(pacing.take(now)).isZero();
    assertThat(pacing.take(now)).isZero();
    for (int i = 0; i < 10; i++) {
      Duration wait = pacing.take(now);
      assertThat(wait).isEqualTo(Duration.ofMillis(500));
      now += wait.toNanos();
    }
    now += Duration.ofSeconds(10).toNanos();
    assertThat(pacing.take(now)).isZero();
    assertThat(pacing.take(now)).isZero();
    assertThat(pacing.take(now)).isPositive();
  }
}
