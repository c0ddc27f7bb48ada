package io.bolina.controlplane.admission;

import static io.bolina.controlplane.FleetsForTest.fleet;
import static io.bolina.controlplane.FleetsForTest.member;
import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class SessionSkewTest {
  private static Member with(int n, Health health, long sessions) {
    Member m = member(n, health, 0.1);
    return new Member(
        m.server(),
        m.health(),
        m.maintenance(),
        m.order(),
        m.presence(),
        m.since(),
        Optional.of(LoadReport.of(0.1, sessions)),
        m.note());
  }

  private static double skew(Member... members) {
    return SessionSkew.of(new Admission(AdmissionSettings.DEFAULTS).decide(fleet(members)));
  }

  @Test
  void the_fullest_open_server_over_the_mean() {
    Member silent = member(9, Health.PASSING, 0.1);
    assertThat(skew(with(1, Health.PASSING, 50), with(2, Health.PASSING, 50))).isEqualTo(1);
    assertThat(skew(with(1, Health.PASSING, 500), with(2, Health.PASSING, 0), silent)).isEqualTo(2);
    assertThat(
            skew(
                with(1, Health.PASSING, 30),
                with(2, Health.PASSING, 10),
                with(3, Health.CRITICAL, 9_000)))
        .as("closed servers do not count")
        .isEqualTo(1.5);
  }

  @Test
  void nothing_to_compare_is_no_skew() {
    assertThat(skew()).isNaN();
    assertThat(skew(with(1, Health.PASSING, 7))).isNaN();
    assertThat(skew(with(1, Health.PASSING, 0), with(2, Health.PASSING, 0))).isNaN();
  }
}
