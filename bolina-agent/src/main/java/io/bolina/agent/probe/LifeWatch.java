package io.bolina.agent.probe;

/** Looks again and again whether a server lives. Of one thread. */
public interface LifeWatch extends AutoCloseable {
  /**
   * Looks once. Takes some milliseconds at most, except that a server which is asked may take a
   * while to answer.
   */
  LifeSign look();

  /** Whether a look sends the server something, and so is not for every occasion. */
  boolean asksServer();

  /** Whether to look now: a look may be too dear for each time. */
  default boolean isDue() {
    return true;
  }

  @Override
  default void close() {}
}
