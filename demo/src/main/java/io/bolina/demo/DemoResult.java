package io.bolina.demo;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/** Which promises were kept, in figures. */
final class DemoResult {
  private final List<Duration> changeToEnvoy = new ArrayList<>();
  private final List<String> failures = new ArrayList<>();
  private long knownClients;
  private long moved;
  private long reconnected;
  private long newClients;
  private long onClosed;
  private long unanswered;
  private long sent;
  private long answered;
  private long withToken;
  private long movedWithToken;
  private long junk;
  private long junkThatReachedServers;

  /** Counts the time from a change in the registry until Envoy knew it. */
  void changeReachedEnvoy(Duration time) {
    changeToEnvoy.add(time);
  }

  /** Counts clients that arrived while some servers were closed. */
  void arrived(int clients, long onClosedServers, long withoutAnswer) {
    newClients += clients;
    onClosed += onClosedServers;
    unanswered += withoutAnswer;
  }

  /** Takes what became of all clients. */
  void clients(long all, long movedAway, long madeNew, long datagrams, long answers) {
    knownClients = all;
    moved = movedAway;
    reconnected = madeNew;
    sent = datagrams;
    answered = answers;
  }

  /** Takes what became of the clients that named their server in each datagram. */
  void clientsWithToken(long all, long movedAway) {
    withToken = all;
    movedWithToken = movedAway;
  }

  /** Counts what the gate was to keep out. */
  void flooded(long datagrams, long thatReachedServers) {
    junk += datagrams;
    junkThatReachedServers += thatReachedServers;
  }

  /** Something else that should not have happened. */
  void failed(String what) {
    failures.add(what);
  }

  boolean kept() {
    return moved == 0
        && reconnected == 0
        && movedWithToken == 0
        && onClosed == 0
        && unanswered == 0
        && junkThatReachedServers == 0
        && failures.isEmpty();
  }

  List<String> lines() {
    List<Duration> times = new ArrayList<>(changeToEnvoy);
    Collections.sort(times);
    List<String> lines = new ArrayList<>();
    lines.add(
        line(moved == 0, "known clients moved to another server", moved + " of " + knownClients));
    lines.add(
        line(
            reconnected == 0,
            "known clients taken for new by their server",
            reconnected + " of " + knownClients));
    lines.add(
        line(onClosed == 0, "new clients on a closed server", onClosed + " of " + newClients));
    lines.add(
        line(unanswered == 0, "new clients without an answer", unanswered + " of " + newClients));
    if (withToken > 0) {
      lines.add(
          line(
              movedWithToken == 0,
              "clients with a token moved to another server",
              movedWithToken + " of " + withToken));
    }
    if (junk > 0) {
      lines.add(
          line(
              junkThatReachedServers == 0,
              "junk datagrams that reached a server",
              junkThatReachedServers + " of " + junk));
    }
    if (sent > 0) {
      lines.add(
          String.format(
              Locale.ROOT,
              "        %-46s %.3f %% of %d",
              "datagrams answered",
              100.0 * answered / sent,
              sent));
    }
    if (!times.isEmpty()) {
      lines.add(
          String.format(
              Locale.ROOT,
              "        %-46s median %d ms, longest %d ms, of %d",
              "from a change in the registry to Envoy",
              times.get(times.size() / 2).toMillis(),
              times.get(times.size() - 1).toMillis(),
              times.size()));
    }
    failures.forEach(failure -> lines.add("BROKEN  " + failure));
    return lines;
  }

  private static String line(boolean kept, String what, String figure) {
    return String.format(Locale.ROOT, "%-7s %-46s %s", kept ? "kept" : "BROKEN", what, figure);
  }
}
