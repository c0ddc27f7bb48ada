package io.bolina.watcher.simulation;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** Draws a day as SVG: what the load needs, what was desired, what there was. */
final class DayPlot {
  private static final int WIDTH = 960;
  private static final int HEIGHT = 340;
  private static final int LEFT = 40;
  private static final int RIGHT = 22;
  private static final int TOP = 34;
  private static final int BOTTOM = 28;

  private DayPlot() {}

  static String of(List<Day.Sample> samples, double targetLoad) {
    double highest =
        samples.stream()
            .mapToDouble(s -> Math.max(s.pods(), s.demand() / targetLoad))
            .max()
            .orElse(1);
    int top = (int) Math.ceil(highest / 10) * 10;
    StringBuilder svg = new StringBuilder();
    svg.append(
        String.format(
            Locale.ROOT,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">%n"
                + "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>%n",
            WIDTH,
            HEIGHT,
            WIDTH,
            HEIGHT));
    for (int pods = 0; pods <= top; pods += 10) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#555555\">%d</text>%n",
              LEFT,
              WIDTH - RIGHT,
              y(pods, top),
              y(pods, top),
              LEFT - 6,
              y(pods, top) + 4,
              pods));
    }
    for (int hour = 0; hour <= 24; hour += 3) {
      svg.append(
          String.format(
              Locale.ROOT,
              "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#555555\">%d h</text>%n",
              x(hour * 3600),
              HEIGHT - 8,
              hour));
    }
    line(svg, samples, Day.Sample::pods, top, "#9db8d9", 4, 60, "pods");
    line(svg, samples, Day.Sample::desired, top, "#1f4e8c", 1.5, 150, "desired");
    line(
        svg, samples, s -> s.demand() / targetLoad, top, "#d9541e", 1.2, 260, "load / target load");
    return svg.append("</svg>\n").toString();
  }

  private static void line(
      StringBuilder svg,
      List<Day.Sample> samples,
      ToDoubleFunction<Day.Sample> value,
      int top,
      String colour,
      double width,
      int legendAt,
      String legend) {
    svg.append(
        String.format(
            Locale.ROOT,
            "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"%.1f\" points=\"",
            colour,
            width));
    for (int i = 0; i < samples.size(); i += 2) {
      Day.Sample sample = samples.get(i);
      svg.append(
          String.format(
              Locale.ROOT, "%.1f,%.1f ", x(sample.second()), y(value.applyAsDouble(sample), top)));
    }
    svg.append("\"/>\n");
    svg.append(
        String.format(
            Locale.ROOT,
            "<line x1=\"%d\" x2=\"%d\" y1=\"16\" y2=\"16\" stroke=\"%s\" stroke-width=\"%.1f\"/><text x=\"%d\" y=\"20\">%s</text>%n",
            legendAt,
            legendAt + 24,
            colour,
            width,
            legendAt + 30,
            legend));
  }

  private static double x(double second) {
    return LEFT + second / Day.SECONDS * (WIDTH - RIGHT - LEFT);
  }

  private static double y(double pods, int top) {
    return TOP + (1 - pods / top) * (HEIGHT - TOP - BOTTOM);
  }
}
