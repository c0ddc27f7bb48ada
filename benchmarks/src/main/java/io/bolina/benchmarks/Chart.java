package io.bolina.benchmarks;

import java.util.List;
import java.util.Locale;
import java.util.TreeSet;
import java.util.function.ToDoubleFunction;

/** The rounds as an SVG chart: CPU and bytes per change by the size of the fleet. */
final class Chart {
  private static final int WIDTH = 420;
  private static final int HEIGHT = 300;

  private Chart() {}

  static String of(List<Round> rounds) {
    int streams = rounds.stream().mapToInt(Round::streams).max().orElse(0);
    List<Round> shown = rounds.stream().filter(r -> r.streams() == streams).toList();
    StringBuilder svg =
        new StringBuilder(
            String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">%n"
                    + "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n",
                3 * WIDTH,
                HEIGHT + 50));
    chart(svg, 0, "CPU per change, ms", shown, Round::cpu);
    chart(svg, 1, "bytes per change and stream", shown, Round::bytes);
    chart(svg, 2, "last stream p50 : plain query", shown, Round::ratio);
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">across: servers; %,d streams</text>%n",
            3 * WIDTH - 20,
            HEIGHT + 34,
            streams));
    int x = 60;
    for (Subject subject : Subject.values()) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<circle cx=\"%d\" cy=\"%d\" r=\"5\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>%n",
              x,
              HEIGHT + 30,
              subject.colour(),
              x + 12,
              HEIGHT + 34,
              subject.title()));
      x += 200;
    }
    return svg.append("</svg>\n").toString();
  }

  /** A chart with logarithmic axes. */
  private static void chart(
      StringBuilder svg, int place, String title, List<Round> rounds, ToDoubleFunction<Round> of) {
    double left = place * WIDTH + 60;
    double right = (place + 1) * WIDTH - 20;
    double top = 40;
    double bottom = HEIGHT - 30;
    double low = Math.floor(Math.log10(rounds.stream().mapToDouble(of).min().orElse(1)));
    double high = Math.ceil(Math.log10(rounds.stream().mapToDouble(of).max().orElse(10)));
    double most = Math.max(high, low + 1);
    TreeSet<Integer> sizes = new TreeSet<>();
    rounds.forEach(r -> sizes.add(r.servers()));
    double from = Math.log10(sizes.first());
    double to = Math.max(Math.log10(sizes.last()), from + 1);
    svg.append(
        String.format(
            Locale.ROOT,
            "<text x=\"%.0f\" y=\"20\" font-weight=\"bold\">%s</text>%n",
            left,
            title));
    for (double power = low; power <= most; power++) {
      double y = bottom - (power - low) / (most - low) * (bottom - top);
      svg.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/><text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>%n",
              left,
              right,
              y,
              y,
              left - 6,
              y + 4,
              power < 0
                  ? Double.toString(Math.pow(10, power))
                  : String.format(Locale.ROOT, "%,.0f", Math.pow(10, power))));
    }
    for (int size : sizes) {
      double x = left + (Math.log10(size) - from) / (to - from) * (right - left);
      svg.append(
          String.format(
              Locale.ROOT,
              "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%,d</text>%n",
              x,
              bottom + 18,
              size));
    }
    for (Subject subject : Subject.values()) {
      StringBuilder line = new StringBuilder();
      for (Round round : rounds) {
        if (round.subject() == subject) {
          double x = left + (Math.log10(round.servers()) - from) / (to - from) * (right - left);
          double y =
              bottom - (Math.log10(of.applyAsDouble(round)) - low) / (most - low) * (bottom - top);
          line.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
          svg.append(
              String.format(
                  Locale.ROOT,
                  "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>%n",
                  x,
                  y,
                  subject.colour()));
        }
      }
      svg.append(
          String.format(
              Locale.ROOT,
              "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>%n",
              line.toString().strip(),
              subject.colour()));
    }
  }
}
