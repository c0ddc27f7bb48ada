package io.bolina.watcher;

/** Which of several Watchers of one target is the one that acts. */
public interface Leadership extends AutoCloseable {

  /** Whether this one is. */
  boolean leading();

  /** Who is, as far as it is known; empty if nobody. */
  String leader();

  /** Gives it up, so that another need not wait. */
  @Override
  void close();

  /** Nobody else is there. */
  static Leadership alone() {
    return new Leadership() {
      @Override
      public boolean leading() {
        return true;
      }

      @Override
      public String leader() {
        return "this one, without an election";
      }

      @Override
      public void close() {}
    };
  }
}
