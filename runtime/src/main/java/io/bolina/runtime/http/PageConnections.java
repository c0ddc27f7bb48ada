package io.bolina.runtime.http;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.eclipse.jetty.io.Connection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All connections. Each must come to an end of what it does in time; and of more than there may be
 * one makes room for the next: of the peer that has most, the one on which nothing has happened for
 * longest. So a newcomer, a probe for instance, always gets in.
 */
final class PageConnections implements Connection.Listener, AutoCloseable {
  static final int MOST = 256;

  private static final long LOOK_MILLIS = 250;
  private static final Logger log = LoggerFactory.getLogger(PageConnections.class);

  private final Map<Connection, PageConnection> open = new ConcurrentHashMap<>();
  private final Consumer<String> refused;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread t = new Thread(task, "pages-deadlines");
            t.setDaemon(true);
            return t;
          });

  /**
   * @param refused is told the reason when a connection is closed by this side
   */
  PageConnections(Consumer<String> refused) {
    this.refused = refused;
  }

  void start() {
    var looks =
        thread.scheduleWithFixedDelay(
            this::closeOverdue, LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
    log.trace("{}", looks);
  }

  @Override
  public void onOpened(Connection connection) {
    PageConnection opened = new PageConnection(connection, System.nanoTime());
    List<PageConnection> others = List.copyOf(open.values());
    open.put(connection, opened);
    if (others.size() >= MOST) {
      oneToClose(others)
          .ifPresent(
              victim -> {
                refused.accept("connections");
                victim.abort();
              });
    }
  }

  @Override
  public void onClosed(Connection connection) {
    open.remove(connection);
  }

  PageConnection of(Connection connection) {
    return open.computeIfAbsent(connection, c -> new PageConnection(c, System.nanoTime()));
  }

  static Optional<PageConnection> oneToClose(List<PageConnection> all) {
    Map<String, List<PageConnection>> byPeer =
        all.stream().collect(Collectors.groupingBy(PageConnection::peer));
    return byPeer.values().stream()
        .max(Comparator.comparingInt(List::size))
        .flatMap(of -> of.stream().min(Comparator.comparingLong(PageConnection::lastMoveNanos)));
  }

  private void closeOverdue() {
    try {
      long now = System.nanoTime();
      for (PageConnection connection : open.values()) {
        if (connection.overdue(now).isPresent()) {
          if (!connection.isIdleAfterAnswer()) {
            refused.accept("deadline");
          }
          connection.abort();
        }
      }
    } catch (RuntimeException | Error e) { // a thread that ended would not be missed
      log.atError().setCause(e).log("unexpected error; looking at connections again");
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
