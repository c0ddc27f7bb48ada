package io.bolina.registry.model;

import java.util.Collections;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * The last load report of a server.
 *
 * @param load share of its capacity in use: 0 is idle, 1 is full, above 1 is overload
 * @param sessions live sessions on it, if reported
 * @param metrics any further numbers it reports, by name
 */
public record LoadReport(double load, OptionalLong sessions, Map<String, Double> metrics) {

  /**
   * @throws IllegalArgumentException naming the number that cannot be
   */
  public LoadReport {
    if (!Double.isFinite(load) || load < 0) {
      throw new IllegalArgumentException("load is " + load + ", not a number of 0 or more");
    }
    if (sessions.isPresent() && sessions.getAsLong() < 0) {
      throw new IllegalArgumentException("sessions is " + sessions.getAsLong() + ", less than 0");
    }
    metrics = Collections.unmodifiableMap(new TreeMap<>(metrics));
  }

  /** A report of nothing but a load. */
  public static LoadReport of(double load) {
    return new LoadReport(load, OptionalLong.empty(), Map.of());
  }

  /** A report of a load and of live sessions. */
  public static LoadReport of(double load, long sessions) {
    return new LoadReport(load, OptionalLong.of(sessions), Map.of());
  }
}
