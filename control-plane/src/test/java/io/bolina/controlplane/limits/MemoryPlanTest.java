package io.bolina.controlplane.limits;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class MemoryPlanTest {
  private static final long MIB = 1 << 20;

  @Test
  void what_is_promised_adds_up_to_no_more_than_there_is() {
    for (long limit = 300; limit <= 65_536; limit += 100) {
      for (int percent : new int[] {25, 45}) {
        MemoryPlan plan = new MemoryPlan(limit * MIB, limit * MIB * percent / 100);
        assertThat(plan.heap() + plan.direct() + MemoryPlan.OUTSIDE)
            .as("of %d MiB, %d %% heap", limit, percent)
            .isLessThanOrEqualTo(limit * MIB);
        assertThat(plan.overcommitted()).isFalse();
      }
    }
  }

  @Test
  void a_limit_that_is_too_small_is_seen() {
    assertThat(new MemoryPlan(200 * MIB, 128 * MIB).overcommitted()).isTrue();
    assertThat(new MemoryPlan(320 * MIB, 144 * MIB).overcommitted()).isFalse();
  }

  @Test
  void fleets_fit_that_were_measured_to() {
    long held = XdsLimits.DEFAULTS.held();
    MemoryPlan chart = new MemoryPlan(320 * MIB, 144 * MIB);
    assertThat(chart.servers(100, held)).isGreaterThan(10_000);
    assertThat(chart.servers(1_000, held)).isGreaterThan(10_000);
    assertThat(new MemoryPlan(128 * MIB, 64 * MIB).servers(1_000, held)).isLessThan(1_000);
    assertThat(MemoryPlan.heapFor(100_000, 100, held)).isBetween(352 * MIB, 500 * MIB);
  }
}
