package io.bolina.controlplane.admission;

import static io.bolina.controlplane.FleetsForTest.fleet;
import static io.bolina.controlplane.FleetsForTest.member;
import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Presence;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AdmissionTest {
  private final Admission admission = new Admission(AdmissionSettings.DEFAULTS);

  private Decision first(Fleet fleet) {
    return admission.decide(fleet).get(0);
  }

  @ParameterizedTest
  @CsvSource({
    // health, draining, presence, load (-1: unknown), status, weight
    "PASSING,  false, LISTED,    0,    OPEN,     100",
    "PASSING,  false, LISTED,    -1,   OPEN,     100",
    "PASSING,  false, LISTED,    0.49, OPEN,     100",
    "PASSING,  false, LISTED,    0.5,  OPEN,     75",
    "PASSING,  false, LISTED,    0.75, OPEN,     50",
    "PASSING,  false, LISTED,    0.89, OPEN,     50",
    "PASSING,  false, LISTED,    0.9,  CLOSED,   50",
    "PASSING,  false, LISTED,    3,    CLOSED,   50",
    "WARNING,  false, LISTED,    0,    OPEN,     50",
    "WARNING,  false, LISTED,    0.8,  OPEN,     25",
    "CRITICAL, false, LISTED,    0,    CLOSED,   100",
    "PASSING,  true,  LISTED,    0,    CLOSED,   100",
    "PASSING,  false, VANISHED,  0,    CLOSED,   100",
    "PASSING,  false, NODE_LOST, 0,    CLOSED,   100",
    "PASSING,  false, HELD,      0,    OPEN,     100",
    "CRITICAL, false, HELD,      0,    CLOSED,   100",
    "PASSING,  false, GONE,      0,    GIVEN_UP, 100"
  })
  void each_state_beside_an_open_server(
      Health health,
      boolean draining,
      Presence presence,
      double load,
      AdmissionStatus status,
      int weight) {
    OptionalDouble reported = load < 0 ? OptionalDouble.empty() : OptionalDouble.of(load);
    Decision decision =
        first(
            fleet(member(1, health, draining, presence, reported), member(2, Health.PASSING, 0.1)));
    assertThat(decision.status()).isEqualTo(status);
    assertThat(decision.weight()).isEqualTo(weight);
    assertThat(decision.reason()).isNotBlank();
  }

  @Test
  void overloaded_servers_open_again_when_no_other_is_left_and_critical_ones_never() {
    List<Decision> decisions =
        admission.decide(
            fleet(
                member(1, Health.PASSING, 1.2),
                member(2, Health.WARNING, 0.95),
                member(3, Health.CRITICAL, 0.1)));
    assertThat(decisions.stream().map(Decision::status))
        .containsExactly(AdmissionStatus.OPEN, AdmissionStatus.OPEN, AdmissionStatus.CLOSED);
    assertThat(Admission.bestEffort(decisions, AdmissionSettings.DEFAULTS)).isTrue();
    assertThat(decisions.get(0).reason())
        .isEqualTo(
            "overloaded: load 1.20 is at or above 0.90, but so is every server that is not closed for another reason");
  }

  @Test
  void one_server_that_is_not_overloaded_closes_all_that_are() {
    List<Decision> decisions =
        admission.decide(
            fleet(
                member(1, Health.PASSING, 1.2),
                member(2, Health.WARNING, 0.5),
                member(3, Health.PASSING, 0.9)));
    assertThat(decisions.stream().map(Decision::status))
        .containsExactly(AdmissionStatus.CLOSED, AdmissionStatus.OPEN, AdmissionStatus.CLOSED);
    assertThat(Admission.bestEffort(decisions, AdmissionSettings.DEFAULTS)).isFalse();
  }
}
