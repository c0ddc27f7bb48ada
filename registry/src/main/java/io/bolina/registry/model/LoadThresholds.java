package io.bolina.registry.model;

import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.util.List;
import java.util.TreeSet;

/**
 * The loads at which something is decided. Control plane, agent and Watcher go by the same ones.
 *
 * @param overloadedAt the load from which a server is overloaded. Default 0.9
 * @param weightSteps the weight of an open server from a load on
 */
public record LoadThresholds(double overloadedAt, WeightSteps weightSteps) {
  public static final Setting<Double> OVERLOADED_AT =
      Setting.of("overloaded-at", SettingType.decimal("LOAD", SettingType.Bounds.above(0)))
          .standard("0.9")
          .help(
              "The load from which a server is closed to new clients while another is open. The same for control plane, agents and Watcher.");

  public static final Setting<WeightSteps> WEIGHT_STEPS =
      Setting.of("weight-steps", SettingType.of("LOAD:WEIGHT,…", WeightSteps::parse))
          .standard(WeightSteps.DEFAULT.toString())
          .help(
              "The weight (1 to 100) of an open server from a load on. Every step moves some returning clients (docs/admission.md). The same for control plane and agents.");

  public static final LoadThresholds DEFAULTS = of(SettingMap.DEFAULTS);

  /** Of their settings. */
  public static LoadThresholds of(SettingSource source) {
    return new LoadThresholds(source.get(OVERLOADED_AT), source.get(WEIGHT_STEPS));
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
