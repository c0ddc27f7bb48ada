package io.bolina.controlplane.admission;

import io.bolina.registry.model.LoadReport;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.OptionalLong;

/** How unevenly sessions lie on the open servers. */
public final class SessionSkew {
  private SessionSkew() {}

  /**
   * The sessions of the fullest open server over their mean: 1 is even, the number of servers is
   * all on one. NaN if fewer than two open servers report their sessions, or none has any.
   */
  public static double of(List<Decision> decisions) {
    LongSummaryStatistics sessions =
        decisions.stream()
            .filter(Decision::open)
            .map(decision -> decision.member().load())
            .map(load -> load.map(LoadReport::sessions).orElse(OptionalLong.empty()))
            .filter(OptionalLong::isPresent)
            .mapToLong(OptionalLong::getAsLong)
            .summaryStatistics();
    return sessions.getCount() < 2 || sessions.getMax() == 0
        ? Double.NaN
        : sessions.getMax() / sessions.getAverage();
  }
}
