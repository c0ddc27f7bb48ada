package io.bolina.registry.model;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The weight of an open server by its load, in few steps: every step that a server takes moves a
 * few percent of the returning clients to another one (docs/admission.md has the figures behind the
 * default).
 */
public final class WeightSteps {
  /** 100 below a load of 0.5, then 75, and 50 from 0.75 on. */
  public static final WeightSteps DEFAULT = new WeightSteps(Map.of(0.0, 100, 0.5, 75, 0.75, 50));

  private final TreeMap<Double, Integer> weightFrom;

  /**
   * @param weightFrom the weight (1 to 100) from a load on; a load of 0 must be there
   * @throws IllegalArgumentException if a load or a weight is out of range, or weights rise with
   *     load
   */
  public WeightSteps(Map<Double, Integer> weightFrom) {
    this.weightFrom = new TreeMap<>(weightFrom);
    if (!this.weightFrom.containsKey(0.0)) {
      throw new IllegalArgumentException("there is no weight for a load of 0");
    }
    int last = 100;
    for (Map.Entry<Double, Integer> step : this.weightFrom.entrySet()) {
      if (!(step.getKey() >= 0) || step.getKey().isInfinite()) {
        throw new IllegalArgumentException(
            "the load " + step.getKey() + " is not a number of 0 or more");
      }
      if (step.getValue() < 1 || step.getValue() > 100) {
        throw new IllegalArgumentException(
            "the weight " + step.getValue() + " is not between 1 and 100");
      }
      if (step.getValue() > last) {
        throw new IllegalArgumentException(
            "the weight rises with load, to " + step.getValue() + " at " + step.getKey());
      }
      last = step.getValue();
    }
  }

  /**
   * Reads them as {@link #toString} writes them.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static WeightSteps parse(String text) {
    Map<Double, Integer> steps = new HashMap<>();
    for (String step : text.split(",", -1)) {
      int colon = step.indexOf(':');
      try {
        double load = Double.parseDouble(step.substring(0, Math.max(colon, 0)).strip());
        int weight = Integer.parseInt(step.substring(colon + 1).strip());
        if (steps.put(load, weight) != null) {
          throw new IllegalArgumentException("the load " + load + " is given twice");
        }
      } catch (NumberFormatException e) {
        throw new IllegalArgumentException(
            "'" + step + "' is not LOAD:WEIGHT; write for example " + DEFAULT, e);
      }
    }
    return new WeightSteps(steps);
  }

  /** The weight at a load. */
  public int at(double load) {
    return weightFrom.floorEntry(load).getValue();
  }

  /** The smallest weight of all. */
  public int lowest() {
    return weightFrom.lastEntry().getValue();
  }

  /** The loads from which on there is another weight, ascending. */
  public Set<Double> loads() {
    return Collections.unmodifiableSet(weightFrom.keySet());
  }

  /** The weights, from the least load to the highest. */
  public List<Integer> weights() {
    return List.copyOf(weightFrom.values());
  }

  /** As it is written in the configuration: {@code 0:100,0.5:75}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    weightFrom.forEach(
        (load, weight) ->
            text.append(text.length() == 0 ? "" : ",")
                .append(plain(load))
                .append(':')
                .append(weight));
    return text.toString();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof WeightSteps steps && steps.weightFrom.equals(weightFrom);
  }

  @Override
  public int hashCode() {
    return weightFrom.hashCode();
  }

  private static String plain(double load) {
    return load == Math.rint(load) ? Long.toString((long) load) : Double.toString(load);
  }
}
