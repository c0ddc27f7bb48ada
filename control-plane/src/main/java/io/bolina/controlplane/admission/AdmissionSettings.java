package io.bolina.controlplane.admission;

import io.bolina.registry.model.LoadThresholds;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;

/**
 * How admission decides.
 *
 * @param load where overload begins, and the weights by load
 * @param warningShare what share of its weight a server keeps while it is in warning, above 0 and
 *     up to 1. Default 0.5
 */
public record AdmissionSettings(LoadThresholds load, double warningShare) {
  public static final Setting<Double> WARNING_SHARE =
      Setting.of("warning-share", SettingType.decimal("SHARE", SettingType.Bounds.above(0).upTo(1)))
          .standard("0.5")
          .help("What share of its weight a server keeps while it is in warning.");

  public static final AdmissionSettings DEFAULTS = of(SettingMap.DEFAULTS);

  /** Of their settings. */
  public static AdmissionSettings of(SettingSource source) {
    return new AdmissionSettings(LoadThresholds.of(source), source.get(WARNING_SHARE));
  }
}
