package io.bolina.sandbox.chaos;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * What became of the clients.
 *
 * @param faults that were made
 * @param sent datagrams of known clients and of new ones
 * @param clients known ones
 * @param moved known clients that were moved although their server lived: these are promised not to
 *     be
 * @param movedFromDead moved, or taken for new, because their server had ended
 * @param unanswered datagrams without an answer although their server lived
 * @param unansweredByDead datagrams without an answer of servers that had ended or hung
 * @param longestSilence of a known client whose server had ended or hung, in seconds
 * @param newcomers clients that came
 * @param onClosed those of them that a closed server answered
 * @param nobody those that nobody answered within 10 s
 */
public record ChaosResult(
    int faults,
    long sent,
    int clients,
    List<String> moved,
    int movedFromDead,
    List<String> unanswered,
    long unansweredByDead,
    double longestSilence,
    int newcomers,
    List<Late> onClosed,
    List<Late> nobody) {

  /** So many broken promises are shown, each with all that was wrong. */
  private static final int SHOWN = 12;

  private static final double[] LIMITS = {1, 2, 4, 8, 16, Double.MAX_VALUE};

  /**
   * A new client that came to a server to which none should have come.
   *
   * @param seconds since the server had been closed, or had ended or hung
   * @param couldBeKnown for how much of that Consul's server was there: while it is not, nobody can
   *     know of what becomes of a server
   * @param cause what was wrong with the server, and what else was wrong since
   */
  public record Late(double seconds, double couldBeKnown, String cause) {}

  public ChaosResult {
    moved = List.copyOf(moved);
    unanswered = List.copyOf(unanswered);
    onClosed = List.copyOf(onClosed);
    nobody = List.copyOf(nobody);
  }

  /**
   * Those on a closed server that came later than so many seconds after it closed, Consul's server
   * having been there for so long.
   */
  public List<Late> laterThan(double seconds) {
    return onClosed.stream().filter(l -> l.couldBeKnown() > seconds).toList();
  }

  /** Tables, as Markdown. */
  public String tables() {
    StringBuilder out = new StringBuilder("| | |\n| --- | --- |\n");
    row(out, "faults made", faults);
    row(out, "datagrams sent", sent);
    row(out, "known clients at a time", clients);
    row(out, "known clients moved off a server that lives", moved.size());
    row(out, "datagrams unanswered by a server that lives", unanswered.size());
    row(out, "known clients of a dead server, served again", movedFromDead);
    row(out, "datagrams unanswered by a server that is dead or hangs", unansweredByDead);
    out.append(
        String.format(
            Locale.ROOT,
            "| the longest that a client of such a server had no answer | %.1f s |%n",
            longestSilence));
    row(out, "new clients", newcomers);
    row(out, "new clients that a closed server answered", onClosed.size());
    row(
        out,
        "… of them later than 8 s after it closed",
        onClosed.stream().filter(l -> l.seconds() > 8).count());
    row(out, "… though Consul's server was there for 8 s of that", laterThan(8).size());
    row(out, "new clients that nobody answered within 10 s", nobody.size());
    moved.stream().limit(SHOWN).forEach(line -> out.append("\nmoved: ").append(line));
    unanswered.stream().limit(SHOWN).forEach(line -> out.append("\nunanswered: ").append(line));
    out.append('\n');
    causes(out, "new clients on a closed server", onClosed);
    causes(out, "new clients without an answer", nobody);
    return out.toString();
  }

  private static void row(StringBuilder out, String what, long count) {
    out.append(String.format(Locale.ROOT, "| %s | %,d |%n", what, count));
  }

  /** By cause: how many came how long after it. */
  private static void causes(StringBuilder out, String title, List<Late> all) {
    if (all.isEmpty()) {
      return;
    }
    Map<String, List<Late>> byCause = new TreeMap<>();
    all.forEach(l -> byCause.computeIfAbsent(l.cause(), c -> new ArrayList<>()).add(l));
    out.append("\n| ")
        .append(title)
        .append(
            ": cause, and what else was wrong | all | within 1 s | 2 s | 4 s | 8 s | 16 s | later | latest |\n")
        .append("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    byCause.forEach((cause, some) -> causes(out, cause, some, "| "));
    causes(out, "all", all, "| ");
  }

  private static void causes(StringBuilder out, String cause, List<Late> some, String start) {
    out.append(start).append(cause).append(" | ").append(some.size());
    double from = -1;
    for (double to : LIMITS) {
      double lower = from;
      out.append(" | ")
          .append(some.stream().filter(l -> l.seconds() > lower && l.seconds() <= to).count());
      from = to;
    }
    out.append(
        String.format(
            Locale.ROOT,
            " | %.1f s |%n",
            some.stream().mapToDouble(Late::seconds).max().orElse(0)));
  }
}
