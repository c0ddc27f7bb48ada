package io.bolina.agent.probe;

/**
 * What one look found out about whether a server lives. Not to know is a finding of its own: it
 * never counts as an end.
 *
 * @param subject what the look was at, such as one process; another subject is another process
 * @param text what was seen, for people
 */
public record LifeSign(Sight sight, String subject, String text) {
  /** What there is to find out. */
  public enum Sight {
    /** The server's process runs; whether it serves is another question. */
    RUNNING,
    /** Somebody has the server's port. */
    BOUND,
    /** The server itself answers. */
    ANSWERING,
    /** The server's process has ended. */
    ENDED,
    /** The server's port refused a datagram. */
    REFUSED,
    /** Nobody has the server's port any more. */
    UNBOUND,
    /** Nothing can be said. */
    UNKNOWN
  }

  /** Nothing can be said. */
  public static final LifeSign UNKNOWN = new LifeSign(Sight.UNKNOWN, "", "");

  /** Whether it says that the server lives. */
  public boolean isLife() {
    return sight == Sight.RUNNING || sight == Sight.BOUND || sight == Sight.ANSWERING;
  }

  /** Whether it says that the server has ended. */
  public boolean isEnd() {
    return sight == Sight.ENDED || sight == Sight.REFUSED || sight == Sight.UNBOUND;
  }

  /** Whether another says the same of the same. */
  public boolean isSameAs(LifeSign other) {
    return sight == other.sight && subject.equals(other.subject);
  }
}
