package io.bolina.controlplane.admission;

import io.bolina.registry.model.LoadThresholds;

/**
 * How admission decides.
 *
 * @param load where overload begins, and the weights by load
 * @param warningShare what share of its weight a server keeps while it is in warning, above 0 and
 *     up to 1. Default 0.5
 */
public record AdmissionSettings(LoadThresholds load, double warningShare) {
  public static final AdmissionSettings DEFAULTS =
      new AdmissionSettings(LoadThresholds.DEFAULTS, 0.5);

  public AdmissionSettings {
    if (!(warningShare > 0 && warningShare <= 1)) {
      throw new IllegalArgumentException(
          "warning-share: " + warningShare + " is not above 0 and at most 1");
    }
  }
}
