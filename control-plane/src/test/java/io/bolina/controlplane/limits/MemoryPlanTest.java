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

  /** The figures of docs/operations.md, each on its own. */
  @Test
  void what_fits_goes_by_every_figure() {
    MemoryPlan plan = new MemoryPlan(1_024 * MIB, 256 * MIB);
    assertThat(plan.direct()).as("no more than the heap").isEqualTo(256 * MIB);
    assertThat(plan.streams()).isEqualTo((256 - 16) * MIB / 24_576);
    long held = 16 * MIB;
    assertThat(plan.servers(0, held)).isEqualTo((256 - 24 - 16) * MIB / 4_096);
    assertThat(plan.servers(1_000, held))
        .isEqualTo(((256 - 24 - 16) * MIB - 1_000 * 24_576) / 4_096);
    assertThat(plan.servers(100_000, held)).isZero();
    MemoryPlan tight = new MemoryPlan(400 * MIB, 180 * MIB);
    assertThat(tight.direct()).as("what is left").isEqualTo((400 - 180 - 128) * MIB);
    assertThat(tight.overcommitted()).isFalse();
    MemoryPlan none = new MemoryPlan(300 * MIB, 160 * MIB);
    assertThat(none.direct()).as("the least").isEqualTo(24 * MIB);
    assertThat(none.overcommitted()).isTrue();
    assertThat(MemoryPlan.heapFor(10, 5, 7)).isEqualTo(24 * MIB + 10 * 4_096 + 5 * 24_576 + 7);
  }
}
