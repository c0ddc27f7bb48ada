package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.chaos.Chaos;
import io.bolina.sandbox.chaos.ChaosResult;
import io.bolina.sandbox.chaos.ChaosSettings;
import io.bolina.sandbox.chaos.FaultKind;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A short form of {@code benchmarks/run chaos}, with every kind of fault once. The long form
 * measures; here it is checked that nothing is broken.
 */
class ChaosMeasurement {
  /**
   * New clients are to reach no server that closed longer ago than this, in seconds: the 8 s of the
   * long form, and what a busy machine adds to it.
   */
  private static final double LATEST = 14;

  @Test
  void no_fault_moves_a_client_of_a_living_server_and_none_leaves_a_closed_one_open()
      throws Exception {
    ChaosSettings settings =
        new ChaosSettings(
            Duration.ofSeconds(35),
            18,
            40,
            Duration.ofMillis(250),
            5,
            4,
            2,
            1,
            Duration.ofMillis(1_500),
            // Not for as long as in the long form, but for one in which every time limit is over.
            0.6,
            EnumSet.allOf(FaultKind.class),
            List.of());
    try (Sandbox sandbox = new Sandbox()) {
      ChaosResult result = new Chaos(sandbox, settings, System.out::println).run();
      System.out.print(result.tables());
      assertThat(result.faults()).as("faults that were made").isGreaterThan(5);
      assertThat(result.newcomers()).isGreaterThan(50);
      assertThat(result.moved()).as("clients moved off a server that lives").isEmpty();
      assertThat(result.unanswered()).as("datagrams that a living server lost").isEmpty();
      assertThat(result.laterThan(LATEST)).as("new clients on a server closed long ago").isEmpty();
    }
  }
}
