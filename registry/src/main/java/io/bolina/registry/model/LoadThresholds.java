package io.bolina.registry.model;

import java.util.List;
import java.util.TreeSet;

/**
 * The loads at which something is decided. Control plane, agent and Watcher go by the same ones.
 *
 * @param overloadedAt the load from which a server is overloaded. Default 0.9
 * @param weightSteps the weight of an open server from a load on
 */
public record LoadThresholds(double overloadedAt, WeightSteps weightSteps) {
  public static final LoadThresholds DEFAULTS = new LoadThresholds(0.9, WeightSteps.DEFAULT);

  /**
   * Checks them.
   *
   * @throws IllegalArgumentException naming the setting that is out of range
   */
  public LoadThresholds {
    if (!(overloadedAt > 0 && Double.isFinite(overloadedAt))) {
      throw new IllegalArgumentException("overloaded-at: " + overloadedAt + " is not above 0");
    }
  }

  /** Whether a load is an overload. */
  public boolean isOverload(double load) {
    return load >= overloadedAt;
  }

  /** Every load above 0 at which a decision changes, ascending. */
  public List<Double> all() {
    TreeSet<Double> all = new TreeSet<>(weightSteps.loads());
    all.remove(0.0);
    all.add(overloadedAt);
    return List.copyOf(all);
  }
}
