package io.bolina.runtime.http;

import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executor;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * The answers of one kind of page that are on their way: so many at one time, and made by threads
 * of their own. An answer that is not read takes a place and no thread.
 */
final class PageLane implements AutoCloseable {
  private final PageKind kind;
  private final ThreadPoolExecutor threads;
  private final Set<PageConnection> answering = new LinkedHashSet<>();

  PageLane(PageKind kind, String name) {
    this.kind = kind;
    this.threads =
        new ThreadPoolExecutor(
            kind.threads(),
            kind.threads(),
            10,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread t = new Thread(task, name);
              t.setDaemon(true);
              return t;
            });
    threads.allowCoreThreadTimeOut(true);
  }

  /**
   * Takes a place, of one whose answer is not read if there is no other.
   *
   * @return whether there was one
   */
  boolean enter(PageConnection connection, long nowNanos) {
    Optional<PageConnection> displaced = Optional.empty();
    synchronized (answering) {
      if (answering.size() >= kind.atOnce()) {
        displaced =
            kind.displacedAfter()
                .flatMap(
                    stalled ->
                        answering.stream().filter(c -> c.isStalled(stalled, nowNanos)).findFirst());
        if (displaced.isEmpty()) {
          return false;
        }
        answering.remove(displaced.get());
      }
      answering.add(connection);
    }
    displaced.ifPresent(PageConnection::abort);
    return true;
  }

  void leave(PageConnection connection) {
    synchronized (answering) {
      answering.remove(connection);
    }
  }

  Executor threads() {
    return threads;
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
