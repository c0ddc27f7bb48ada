package io.bolina.controlplane.admission;

/**
 * How admission decides.
 *
 * @param overloadedAt the load from which a server is overloaded: closed while another is open.
 *     Default 0.9
 * @param weightSteps the weight of an open server by its load
 * @param warningShare what share of its weight a server keeps while it is in warning, above 0 and
 *     up to 1. Default 0.5
 */
public record AdmissionSettings(double overloadedAt, WeightSteps weightSteps, double warningShare) {
  public static final AdmissionSettings DEFAULTS =
      new AdmissionSettings(0.9, WeightSteps.DEFAULT, 0.5);

  public AdmissionSettings {
    if (!(overloadedAt > 0) || Double.isInfinite(overloadedAt)) {
      throw new IllegalArgumentException(
          "overloaded-at is " + overloadedAt + ", not a number above 0");
    }
    if (!(warningShare > 0 && warningShare <= 1)) {
      throw new IllegalArgumentException(
          "warning-share is " + warningShare + ", not above 0 and up to 1");
    }
  }
}
