package io.bolina.sandbox.chaos;

/** A kind of fault, what it befalls, and how long it lasts. */
public enum FaultKind {
  REPLICA_KILLED("control plane killed", Subject.REPLICA, 2, 12),
  REPLICA_RESTARTED("control plane restarted", Subject.REPLICA, 1, 3),
  REPLICA_STOPPED("control plane hung", Subject.REPLICA, 10, 45),
  REPLICA_BLIND("Consul agent of a control plane killed", Subject.REPLICA, 15, 60),
  CONSUL_KILLED("Consul's server killed", Subject.CONSUL, 2, 12),
  CONSUL_WIPED("Consul's server lost its data", Subject.CONSUL, 1, 4),
  CRITICAL("critical", Subject.SERVER, 10, 40),
  CRITICAL_THEN_OVERLOADED("critical, then overloaded", Subject.SERVER, 10, 30),
  OVERLOADED("overloaded", Subject.SERVER, 10, 40),
  WARNING("warning", Subject.SERVER, 10, 30),
  ORDERED_TO_DRAIN("ordered to drain", Subject.SERVER, 10, 30),
  MAINTENANCE("maintenance", Subject.SERVER, 10, 30),
  AGENT_KILLED("agent killed", Subject.SERVER, 2, 40),
  HUNG("server hung", Subject.SERVER, 5, 40),
  RESTARTED("server killed and started again", Subject.SERVER, 0, 2),
  KILLED("server killed", Subject.SERVER, 15, 40),
  KILLED_WITH_AGENT("server and agent killed", Subject.SERVER, 10, 30),
  DRAINED("drained to its end with sessions left", Subject.SERVER, 10, 20);

  /** What a fault befalls. */
  enum Subject {
    REPLICA,
    CONSUL,
    SERVER
  }

  private final String title;
  private final Subject subject;
  private final int shortest;
  private final int longest;

  FaultKind(String title, Subject subject, int shortest, int longest) {
    this.title = title;
    this.subject = subject;
    this.shortest = shortest;
    this.longest = longest;
  }

  @Override
  public String toString() {
    return title;
  }

  Subject subject() {
    return subject;
  }

  /** In seconds. */
  int shortest() {
    return shortest;
  }

  /** In seconds. */
  int longest() {
    return longest;
  }
}
