package io.bolina.controlplane.stream;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Limits how many bytes of large responses are being sent at a time, so that a thousand Envoys that
 * connect at once do not each get a copy of a large fleet at the same moment. Streams that find the
 * limit reached wait in a queue, first come, first served.
 */
final class LargeResponseLimit {
  /** A response of at most this many bytes is not limited. */
  static final int SMALL = 64 * 1024;

  private final long limit;
  private final Deque<Runnable> waiting = new ArrayDeque<>();
  private long inFlight;
  private boolean full;

  /**
   * @param limit bytes that may be in flight at once; a larger response goes alone
   */
  LargeResponseLimit(long limit) {
    this.limit = limit;
  }

  /**
   * Takes bytes from the limit if there are enough now.
   *
   * @param retry is called when there may be enough
   */
  synchronized boolean tryAcquire(int bytes, Runnable retry) {
    if (inFlight > 0 && inFlight + bytes > limit) {
      waiting.add(retry);
      full = true;
      return false;
    }
    inFlight += bytes;
    return true;
  }

  /** Gives bytes back, and calls those that wait until one of them finds the limit reached. */
  void release(int bytes) {
    Runnable next;
    synchronized (this) {
      inFlight -= bytes;
      full = false;
      next = waiting.poll();
    }
    while (next != null) {
      next.run();
      synchronized (this) {
        if (full && !waiting.isEmpty()) {
          // It has to wait on, and keeps its place.
          waiting.addFirst(waiting.pollLast());
        }
        next = full ? null : waiting.poll();
      }
    }
  }
}
