package io.bolina.sandbox.chaos;

import io.bolina.sandbox.ServerWithAgent;
import java.io.IOException;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * A server with its agent, and the truth about it: whether it lives, and since when it has been
 * closed by its own word or by somebody's order. What is made of that is what is measured.
 */
final class ChaosServer {
  /** A load at which it is closed by the default of {@code overloaded-at}. */
  private static final double OVERLOAD = 0.97;

  private final ServerWithAgent parts;
  private final Timeline closed;
  private final Timeline dead;
  private final Timeline hung;
  private final Set<String> reasons = new TreeSet<>();
  private Optional<Timeline.Span> closure = Optional.empty();
  private Optional<Timeline.Span> death = Optional.empty();
  private Optional<Timeline.Span> hang = Optional.empty();
  private String health = "passing";
  private double load = 0.3;

  ChaosServer(ServerWithAgent parts, Timeline closed, Timeline dead, Timeline hung) {
    this.parts = parts;
    this.closed = closed;
    this.dead = dead;
    this.hung = hung;
  }

  String id() {
    return parts.id();
  }

  ServerWithAgent parts() {
    return parts;
  }

  /**
   * Reports what it is now. From when the agent has taken the report it is closed, or no longer.
   *
   * @param sessions on it
   */
  void report(long sessions) throws IOException, InterruptedException {
    String saidHealth;
    double saidLoad;
    synchronized (this) {
      if (death.isPresent() || hang.isPresent()) {
        return; // a server that does not run says nothing
      }
      saidHealth = health;
      saidLoad = load;
    }
    boolean critical = saidHealth.equals("critical");
    if (!critical && saidLoad < OVERLOAD) {
      opens("reported"); // from the moment at which it may be believed
    }
    parts.report(saidHealth, saidLoad, sessions);
    if (critical || saidLoad >= OVERLOAD) {
      closes("reported", critical ? "critical" : "overloaded");
    }
  }

  synchronized void says(String newHealth) {
    health = newHealth;
    load = 0.3;
  }

  synchronized void saysOverloaded() {
    health = "passing";
    load = OVERLOAD;
  }

  /** It is closed for a reason, besides those for which it is already. */
  synchronized void closes(String by, String reason) {
    if (reasons.add(by) && closure.isEmpty()) {
      closure = Optional.of(closed.begin(reason, id()));
    }
  }

  /** A reason has ended. */
  synchronized void opens(String by) {
    if (reasons.remove(by) && reasons.isEmpty()) {
      closure.ifPresent(Timeline.Span::end);
      closure = Optional.empty();
    }
  }

  /** Whoever is to end it has said so: from now on its clients may be moved. */
  synchronized void endsSoon() {
    death = Optional.of(dead.begin("dead", id()));
  }

  synchronized void kill() {
    if (death.isEmpty()) {
      death = Optional.of(dead.begin("dead", id()));
    }
    parts.server().child().kill();
    opens("reported");
  }

  /** It is dead no more from now on, although it takes a moment until it answers. */
  void startAgain() throws IOException {
    synchronized (this) {
      death.ifPresent(Timeline.Span::end);
      health = "passing";
      load = 0.3;
    }
    parts.startServer();
    parts.awaitAnswering();
    synchronized (this) {
      death = Optional.empty();
    }
  }

  synchronized void stop() throws IOException {
    hang = Optional.of(hung.begin("hung", id()));
    parts.server().child().signal("STOP");
  }

  synchronized void goOn() throws IOException {
    parts.server().child().signal("CONT");
    hang.ifPresent(Timeline.Span::end);
    hang = Optional.empty();
  }
}
