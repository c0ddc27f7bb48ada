package io.bolina.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.junit.jupiter.api.Test;

class LineRateTest {
  private final Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private final LineRate rate = new LineRate(10, 2);

  private int logged(int lines, Instant at) {
    int logged = 0;
    for (int line = 0; line < lines; line++) {
      logged += rate.mayLog(at) ? 1 : 0;
    }
    return logged;
  }

  @Test
  void some_at_once_then_so_many_a_second_and_what_is_left_out_is_counted() {
    assertThat(logged(1_000, now)).isEqualTo(10);
    assertThat(rate.takeLeftOut()).isEqualTo(990);
    assertThat(rate.takeLeftOut()).isZero();
    assertThat(logged(1_000, now.plusSeconds(3))).isEqualTo(6);
    assertThat(logged(1_000, now.plusSeconds(1_000))).isEqualTo(10);
  }
}
