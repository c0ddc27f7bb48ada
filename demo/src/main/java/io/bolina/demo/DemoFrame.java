package io.bolina.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What the demo shows at one time.
 *
 * @param status one line each on the registry, Envoy and the clients
 * @param servers one row a server
 */
record DemoFrame(List<String> status, List<Row> servers) {

  /**
   * One server.
   *
   * @param load empty if unknown
   * @param clients clients that are on it now
   */
  record Row(
      String id,
      String health,
      String load,
      String sessions,
      String status,
      int weight,
      int clients,
      String reason) {}

  /** The table as lines, the reasons cut to a width. */
  List<String> table(int width) {
    List<String> lines = new ArrayList<>();
    String format = "%-10s %-9s %5s %9s %8s  %-7s %7s  %s";
    lines.add(
        line(
            format,
            width,
            "SERVER",
            "HEALTH",
            "LOAD",
            "SESSIONS",
            "CLIENTS",
            "NEW?",
            "WEIGHT",
            "WHY"));
    for (Row r : servers) {
      lines.add(
          line(
              format,
              width,
              r.id,
              r.health,
              r.load,
              r.sessions,
              r.clients,
              r.status,
              r.status.equals("open") ? r.weight : "-",
              r.reason));
    }
    return lines;
  }

  private static String line(String format, int width, Object... cells) {
    String line = String.format(Locale.ROOT, format, cells);
    return line.length() > width ? line.substring(0, width - 1) + "…" : line;
  }
}
