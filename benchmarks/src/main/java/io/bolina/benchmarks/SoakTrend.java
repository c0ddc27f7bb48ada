package io.bolina.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * Whether what a process holds grows: the second quarter of the time, when it is warm, beside the
 * last.
 */
enum SoakTrend {
  RESIDENT("resident memory, MB", 16, SoakSample::resident),
  HEAP("heap, the least of each quarter, MB", 16, SoakSample::heap),
  DIRECT("direct memory, MB", 16, SoakSample::direct),
  ENVOY("a real Envoy's resident memory, MB", 16, SoakSample::envoy),
  ENVOY_WITH_MODULE("one's with the module, MB", 16, SoakSample::envoyWithModule),
  THREADS("threads", 6, SoakSample::threads),
  DESCRIPTORS("descriptors", 40, SoakSample::descriptors);

  private final String title;
  private final double slack;

  @SuppressWarnings("ImmutableEnumChecker") // a reference to a method
  private final ToDoubleFunction<SoakSample> of;

  SoakTrend(String title, double slack, ToDoubleFunction<SoakSample> of) {
    this.title = title;
    this.slack = slack;
    this.of = of;
  }

  String title() {
    return title;
  }

  double value(SoakSample sample) {
    return of.applyAsDouble(sample);
  }

  private double quarter(List<SoakSample> samples, int quarter) {
    int size = samples.size();
    List<SoakSample> part = samples.subList(quarter * size / 4, (quarter + 1) * size / 4);
    double[] sorted = part.stream().mapToDouble(this::value).sorted().toArray();
    return this == HEAP ? sorted[0] : sorted[sorted.length / 2];
  }

  /** Within a tenth, and what comes and goes. */
  boolean isFlat(List<SoakSample> samples) {
    return quarter(samples, 3) <= 1.1 * quarter(samples, 1) + slack;
  }

  /** By how much it grew in an hour, by least squares over all but the first quarter. */
  private double slope(List<SoakSample> samples) {
    List<SoakSample> warm = samples.subList(samples.size() / 4, samples.size());
    double x = warm.stream().mapToDouble(SoakSample::seconds).average().orElse(0);
    double y = warm.stream().mapToDouble(this::value).average().orElse(0);
    double above = 0;
    double below = 0;
    for (SoakSample sample : warm) {
      above += (sample.seconds() - x) * (value(sample) - y);
      below += (sample.seconds() - x) * (sample.seconds() - x);
    }
    return below == 0 ? 0 : 3600 * above / below;
  }

  String line(List<SoakSample> samples) {
    return String.format(
        Locale.ROOT,
        "| %s | %.0f | %.0f | %+.1f | %s |%n",
        title,
        quarter(samples, 1),
        quarter(samples, 3),
        slope(samples),
        isFlat(samples) ? "flat" : "GROWS");
  }
}
