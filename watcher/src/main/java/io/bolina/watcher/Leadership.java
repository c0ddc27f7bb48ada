package io.bolina.watcher;

import java.util.Optional;
import java.util.function.Supplier;

/** Which of several Watchers of one target is the one that acts. */
public interface Leadership extends AutoCloseable {

  /**
   * Stands for election until it is closed.
   *
   * @param inability why this process cannot act; empty while it can. While it cannot, it neither
   *     becomes nor remains leader, so that another takes over
   */
  void stand(Supplier<Optional<String>> inability);

  /** Whether this process is the leader. */
  boolean leading();

  /** The leader's identity as far as it is known; empty if there is none. */
  String leader();

  /** Gives leadership up, so that another need not wait. */
  @Override
  void close();

  /** This process always leads. */
  static Leadership withoutElection() {
    return new Leadership() {
      @Override
      public void stand(Supplier<Optional<String>> inability) {}

      @Override
      public boolean leading() {
        return true;
      }

      @Override
      public String leader() {
        return "this process, without an election";
      }

      @Override
      public void close() {}
    };
  }
}
