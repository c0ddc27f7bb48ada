package io.bolina.agent;

import io.bolina.registry.model.Health;
import io.bolina.runtime.setting.SettingType;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/**
 * What is made of a server that does not report. A pure function of times, so that a restart of the
 * agent is no sign of illness: its start counts as a report.
 *
 * @param warningAfter after this long without a report the server is in warning. Default 10 s
 * @param criticalAfter after this long it is critical. Default 30 s
 * @param atStart what it counts as until the first report after the agent's start. Default passing,
 *     so that a restarted agent changes nothing; critical where agent and server start together
 */
public record Silence(Duration warningAfter, Duration criticalAfter, Health atStart) {
  static final Silence DEFAULTS =
      new Silence(Duration.ofSeconds(10), Duration.ofSeconds(30), Health.PASSING);

  /**
   * @throws IllegalArgumentException naming the value that cannot be
   */
  public Silence {
    if (warningAfter.isNegative() || warningAfter.compareTo(criticalAfter) > 0) {
      throw new IllegalArgumentException(
          "silence-warning: "
              + SettingType.written(warningAfter)
              + " is more than silence-critical "
              + SettingType.written(criticalAfter));
    }
  }

  /**
   * A server's health and the reason.
   *
   * @param health the worse of what it said and what its silence says
   */
  record Verdict(Health health, String note) {}

  /**
   * @param last the last report, if there was one
   * @param heard when that was, or when the agent started
   */
  Verdict judge(Optional<StatusReport> last, Instant heard, Instant now) {
    Duration silent = Duration.between(heard, now);
    Health bySilence = Health.PASSING;
    if (silent.compareTo(criticalAfter) >= 0) {
      bySilence = Health.CRITICAL;
    } else if (silent.compareTo(warningAfter) >= 0) {
      bySilence = Health.WARNING;
    }
    Health said = last.map(StatusReport::health).orElse(atStart);
    if (bySilence.compareTo(said) > 0) {
      return new Verdict(
          bySilence,
          "the server has not reported for "
              + silent.toSeconds()
              + " s"
              + (last.isEmpty() ? " (never since the agent started)" : ""));
    }
    return new Verdict(
        said,
        last.map(StatusReport::note)
            .orElse("the agent has started and waits for the server's first report"));
  }

  /** Overload shows as a warning, so that Consul's own pages tell of it. */
  static Verdict withOverload(Verdict verdict, double load, double overloadedAt) {
    return verdict.health() == Health.PASSING && load >= overloadedAt
        ? new Verdict(
            Health.WARNING,
            String.format(
                Locale.ROOT, "overloaded: load %.2f is at or above %.2f", load, overloadedAt))
        : verdict;
  }
}
