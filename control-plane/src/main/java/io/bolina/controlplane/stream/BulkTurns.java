package io.bolina.controlplane.stream;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Gives the streams turns to send large responses, so that a thousand Envoys that connect at once
 * do not each get a copy of a large fleet at the same moment: what is under way is bounded, and the
 * next one's turn comes when one has left.
 */
final class BulkTurns {
  /** A response of at most this many bytes needs no turn. */
  static final int SMALL = 64 * 1024;

  private final long most;
  private final Deque<Runnable> waiting = new ArrayDeque<>();
  private long underWay;
  private boolean full;

  /**
   * @param most bytes that may be under way at once; a larger response goes alone
   */
  BulkTurns(long most) {
    this.most = most;
  }

  /**
   * Takes a turn if there is one now.
   *
   * @param otherwise is called when there may be one
   */
  synchronized boolean take(int bytes, Runnable otherwise) {
    if (underWay > 0 && underWay + bytes > most) {
      waiting.add(otherwise);
      full = true;
      return false;
    }
    underWay += bytes;
    return true;
  }

  /** Ends a turn, and calls those that wait until one of them finds no turn again. */
  void end(int bytes) {
    Runnable next;
    synchronized (this) {
      underWay -= bytes;
      full = false;
      next = waiting.poll();
    }
    while (next != null) {
      next.run();
      synchronized (this) {
        if (full && !waiting.isEmpty()) {
          // It found no turn after all, and keeps its place.
          waiting.addFirst(waiting.pollLast());
        }
        next = full ? null : waiting.poll();
      }
    }
  }
}
