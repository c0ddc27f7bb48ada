package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** How fast the same is sent again. */
class PaceTest {
  private static final long START = Long.MAX_VALUE - 5; // such a clock may wrap around

  @Test
  void some_at_once_and_then_one_in_a_period_however_long() {
    Pace pace = new Pace(START);
    long now = START;
    int sent = 0;
    for (int millis = 0; millis < 100_000; millis += 10) {
      if (pace.delay(now).isZero()) {
        pace = pace.sent(now);
        sent++;
      }
      now += Duration.ofMillis(10).toNanos();
    }
    assertThat(sent).isEqualTo(Pace.AT_ONCE - 1 + 100_000 / (int) Pace.PERIOD.toMillis());
  }

  @Test
  void who_asks_seldom_never_waits() {
    Pace pace = new Pace(START);
    long now = START;
    for (int i = 0; i < 100; i++) {
      assertThat(pace.delay(now)).isZero();
      pace = pace.sent(now);
      now += Pace.PERIOD.toNanos();
    }
    now += Pace.PERIOD.multipliedBy(100).toNanos();
    for (int i = 0; i < Pace.AT_ONCE; i++) {
      assertThat(pace.delay(now)).isZero();
      pace = pace.sent(now);
    }
    assertThat(pace.delay(now)).isPositive().isLessThanOrEqualTo(Pace.PERIOD);
  }
}
