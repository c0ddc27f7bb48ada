package io.bolina.benchmarks;

import java.util.List;
import java.util.Locale;

/** The samples of a soak as an SVG chart: one curve for each thing that might grow. */
final class SoakChart {
  private static final int WIDTH = 420;
  private static final int HEIGHT = 220;

  private SoakChart() {}

  static String of(List<SoakSample> samples) {
    SoakTrend[] trends = SoakTrend.values();
    StringBuilder svg = new StringBuilder();
    add(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">%n"
            + "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>%n",
        2 * WIDTH,
        (trends.length + 1) / 2 * HEIGHT);
    for (int i = 0; i < trends.length; i++) {
      curve(svg, trends[i], samples, i % 2 * WIDTH, i / 2 * HEIGHT);
    }
    return svg.append("</svg>\n").toString();
  }

  private static void curve(
      StringBuilder svg, SoakTrend trend, List<SoakSample> samples, int left, int top) {
    SoakSample last = samples.get(samples.size() - 1);
    double most = samples.stream().mapToDouble(trend::value).max().orElse(1) * 1.1;
    double width = WIDTH - 80;
    double height = HEIGHT - 70;
    StringBuilder points = new StringBuilder();
    for (SoakSample sample : samples) {
      double x = left + 60 + sample.seconds() / last.seconds() * width;
      double y = top + 40 + height - trend.value(sample) / most * height;
      points.append(String.format(Locale.ROOT, "%.1f,%.1f ", x, y));
    }
    String title = trend == SoakTrend.HEAP ? "heap in use, MB" : trend.title();
    add(
        svg,
        "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">%s</text>%n",
        left + 60,
        top + 20,
        title);
    for (double part : new double[] {0, 0.5, 1}) {
      double y = top + 40 + height - part * height;
      add(
          svg,
          "<line x1=\"%d\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>"
              + "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%,.0f</text>%n",
          left + 60,
          left + 60 + width,
          y,
          y,
          left + 54,
          y + 4,
          part * most);
    }
    add(
        svg,
        "<polyline points=\"%s\" fill=\"none\" stroke=\"#0a7d4f\" stroke-width=\"1.5\"/>%n",
        points.toString().strip());
    add(
        svg,
        "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%.0f minutes, %,d changes</text>%n",
        left + 60 + width,
        top + 58 + height,
        last.seconds() / 60,
        last.changes());
  }

  private static void add(StringBuilder svg, String format, Object... values) {
    svg.append(String.format(Locale.ROOT, format, values));
  }
}
