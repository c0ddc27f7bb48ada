package io.bolina.benchmarks;

import java.util.List;
import java.util.Locale;

/**
 * What was measured of one subject at one size, over some changes of one server's health.
 *
 * @param lastStream from each change until the last stream had it, in milliseconds
 * @param floor from each change until the plain query had it, in milliseconds
 * @param cpu CPU of the control plane per change, in milliseconds
 * @param bytes per change and stream
 * @param resident memory at the end, in megabytes
 * @param peak the most memory, in megabytes
 */
record Round(
    Subject subject,
    int servers,
    int streams,
    List<Double> lastStream,
    List<Double> floor,
    double cpu,
    double bytes,
    double resident,
    double peak) {

  double p50() {
    return percentile(lastStream, 0.5);
  }

  double floorP50() {
    return percentile(floor, 0.5);
  }

  double ratio() {
    return p50() / floorP50();
  }

  static String table(List<Round> rounds) {
    StringBuilder table =
        new StringBuilder(
            """
            | servers × streams | | last stream p50 | p99 | floor p50 | p50 : floor | CPU per change | bytes per change and stream | memory (most) |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
    for (Round round : rounds) {
      table.append(
          String.format(
              Locale.ROOT,
              "| %,d × %,d | %s | %.0f ms | %.0f ms | %.0f ms | %.2f | %.1f ms | %,.0f | %.0f (%.0f) MB |%n",
              round.servers,
              round.streams,
              round.subject.title(),
              round.p50(),
              percentile(round.lastStream, 0.99),
              round.floorP50(),
              round.ratio(),
              round.cpu,
              round.bytes,
              round.resident,
              round.peak));
    }
    return table.toString();
  }

  private static double percentile(List<Double> values, double share) {
    List<Double> sorted = values.stream().sorted().toList();
    return sorted.isEmpty()
        ? Double.NaN
        : sorted.get((int) Math.round((sorted.size() - 1) * share));
  }
}
