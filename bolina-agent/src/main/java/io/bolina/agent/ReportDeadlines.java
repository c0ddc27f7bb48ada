package io.bolina.agent;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.runtime.setting.SettingType;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/**
 * By when a server must report, and its health if it does not. The start of the agent counts as a
 * report, so that restarting the agent closes no server.
 *
 * @param warningAfter after this long without a report the server is in warning
 * @param criticalAfter after this long it is critical
 * @param atStart its health until the first report after the agent's start. Default passing, so
 *     that a restarted agent changes nothing; critical where agent and server start together
 */
public record ReportDeadlines(Duration warningAfter, Duration criticalAfter, Health atStart) {
  private static final Duration SOONEST_WARNING = Duration.ofSeconds(2);
  private static final Duration SOONEST_CRITICAL = Duration.ofSeconds(3);

  /** What to do about a server that has never reported, for logs and Consul's check. */
  static final String PROBE_HINT =
      "or set a probe: probe-udp, probe-pid-file, probe-cgroup or load-command";

  /**
   * Checks the times.
   *
   * @throws IllegalArgumentException naming the setting that is out of range
   */
  public ReportDeadlines {
    if (warningAfter.isNegative() || warningAfter.compareTo(criticalAfter) > 0) {
      throw new IllegalArgumentException(
          "silence-warning: "
              + SettingType.written(warningAfter)
              + " is more than silence-critical "
              + SettingType.written(criticalAfter));
    }
  }

  /**
   * These, for a server that is known to report more often than they ask for: it is trusted for
   * four of its intervals, and a little at least.
   */
  ReportDeadlines fittingTo(ReportPace pace) {
    return pace.longest()
        .map(
            interval ->
                new ReportDeadlines(
                    between(interval.multipliedBy(5).dividedBy(2), SOONEST_WARNING, warningAfter),
                    between(interval.multipliedBy(4), SOONEST_CRITICAL, criticalAfter),
                    atStart))
        .orElse(this);
  }

  private static Duration between(Duration value, Duration least, Duration most) {
    Duration raised = value.compareTo(least) < 0 ? least : value;
    return raised.compareTo(most) > 0 ? most : raised;
  }

  /**
   * The worse of the health last reported and of what a missing report means.
   *
   * @param last the last report, if there was one
   * @param lastAt when that was, or when the agent started
   * @param reportTo the URL for reports
   */
  ServerHealth assess(Optional<StatusReport> last, Instant lastAt, Instant now, String reportTo) {
    Duration age = Duration.between(lastAt, now);
    Health byAge = Health.PASSING;
    if (age.compareTo(criticalAfter) >= 0) {
      byAge = Health.CRITICAL;
    } else if (age.compareTo(warningAfter) >= 0) {
      byAge = Health.WARNING;
    }
    Health reported = last.map(StatusReport::health).orElse(atStart);
    if (last.isEmpty()) {
      boolean worse = byAge.compareTo(atStart) > 0;
      return new ServerHealth(worse ? byAge : atStart, firstReportMissing(age, reportTo));
    }
    return byAge.compareTo(reported) > 0
        ? new ServerHealth(byAge, "no report from the server for " + age.toSeconds() + " s")
        : new ServerHealth(reported, last.get().note());
  }

  private String firstReportMissing(Duration age, String reportTo) {
    if (age.compareTo(warningAfter) < 0) {
      return "agent started; waiting for the server's first report to " + reportTo;
    }
    Duration left = criticalAfter.minus(age);
    boolean critical = atStart == Health.CRITICAL || left.isNegative() || left.isZero();
    return "no report from the server since the agent started "
        + age.toSeconds()
        + " s ago; "
        + (critical ? "critical until" : "critical in " + left.toSeconds() + " s unless")
        + " it reports to "
        + reportTo
        + "; "
        + PROBE_HINT;
  }

  /** Overload shows as a warning, so that Consul's own pages show it. */
  static ServerHealth withOverload(
      ServerHealth health, Optional<LoadReport> load, LoadThresholds thresholds) {
    return health.health() == Health.PASSING
            && load.isPresent()
            && thresholds.isOverload(load.get().load())
        ? new ServerHealth(
            Health.WARNING,
            String.format(
                Locale.ROOT,
                "overloaded: load %.2f is at or above %.2f",
                load.get().load(),
                thresholds.overloadedAt()))
        : health;
  }
}
