package io.bolina.registry.consul;

import com.orbitz.consul.option.ConsistencyMode;
import io.bolina.registry.consul.ConsulConnection.AnswerReader;
import io.bolina.registry.consul.ConsulConnection.ConsulAnswer;
import io.bolina.registry.consul.ConsulConnection.ConsulQuery;
import io.bolina.registry.consul.ConsulConnection.StaleAnswer;
import java.math.BigInteger;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Watches one thing in Consul by a loop of blocking queries, one at a time, on a thread of its own.
 *
 * <p>The loop cannot end or get stuck unnoticed: whatever a query or its listener throws is a
 * failure like any other, and a query that takes longer than Consul may hold it is cut off.
 */
final class BlockingQuery<T> implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(BlockingQuery.class);
  private static final ScheduledExecutorService CUT_OFF =
      Executors.newSingleThreadScheduledExecutor(task -> daemon(task, "consul-cut-off"));

  private final String name;
  private final ConsulSettings settings;
  private final ConsulQuery query;
  private final AnswerReader<T> reader;
  private final ResultListener<T> listener;
  private final Pacing pacing;
  private final Backoff backoff =
      new Backoff(
          Duration.ofMillis(250),
          Duration.ofSeconds(10),
          () -> ThreadLocalRandom.current().nextDouble());
  private final ConsulConnection connection;
  private final Thread thread;
  private volatile boolean closed;

  /** Gets the result of each query. */
  interface ResultListener<T> {
    /** Consul answered with something new. */
    void received(T body);

    /** Consul confirmed the last answer. */
    void unchanged();

    void failed(String reason);
  }

  BlockingQuery(
      String name,
      ConsulSettings settings,
      Pacing pacing,
      ConsulQuery query,
      AnswerReader<T> reader,
      ResultListener<T> listener) {
    this.name = name;
    this.settings = settings;
    this.pacing = pacing;
    this.query = query;
    this.reader = reader;
    this.listener = listener;
    this.connection = new ConsulConnection(settings);
    this.thread = daemon(this::loop, "consul-" + name);
  }

  BlockingQuery<T> start() {
    thread.start();
    return this;
  }

  @Override
  public void close() {
    closed = true;
    connection.close();
    thread.interrupt();
  }

  private void loop() {
    BigInteger index = ConsulIndex.NONE;
    // Before the first answer there is no index that would show that it is too old.
    ConsistencyMode mode = ConsistencyMode.CONSISTENT;
    int lastSize = 0;
    while (!closed) {
      try {
        sleep(pacing.take(System.nanoTime()));
        ConsulAnswer<T> answer = ask(index, mode);
        if (answer.streamed() && answer.entries() < lastSize) {
          // Whether servers left or a right was lost, only a plain query shows.
          answer = ask(ConsulIndex.NONE, mode);
        }
        if (answer.index().compareTo(index) < 0) {
          // A server that has just become leader answers before it has replayed its log, with what
          // it has so far: often nothing. It refuses a consistent read until then.
          answer = ask(ConsulIndex.NONE, ConsistencyMode.CONSISTENT);
        }
        mode = ConsistencyMode.STALE;
        lastSize = answer.entries();
        if (answer.index().equals(index)) {
          listener.unchanged();
        } else {
          listener.received(answer.body());
        }
        index = ConsulIndex.next(index, answer.index());
        backoff.reset();
      } catch (InterruptedException e) {
        return; // closed
      } catch (StaleAnswer e) {
        log.atDebug()
            .addKeyValue("query", name)
            .addKeyValue("reason", e.getMessage())
            .log("stale answer; asking the leader");
        mode = ConsistencyMode.DEFAULT;
      } catch (ConsulFault e) {
        failed(e.getMessage(), e);
      } catch (RuntimeException | Error e) { // a thread that ended would not be missed
        failed("the answer cannot be read: " + e, e);
      }
    }
  }

  private ConsulAnswer<T> ask(BigInteger index, ConsistencyMode mode) {
    Duration longest = settings.longestWait().multipliedBy(17).dividedBy(16).plusSeconds(10);
    Future<?> cutOff =
        CUT_OFF.schedule(connection::abort, longest.toMillis(), TimeUnit.MILLISECONDS);
    try {
      return connection.ask(query, reader, index, mode);
    } finally {
      cutOff.cancel(false);
    }
  }

  private void failed(String why, Throwable e) {
    if (closed) {
      return;
    }
    log.atDebug()
        .addKeyValue("query", name)
        .addKeyValue("reason", why)
        .setCause(e)
        .log("query failed");
    listener.failed(why);
    try {
      sleep(backoff.next());
    } catch (InterruptedException closing) {
      Thread.currentThread().interrupt();
    }
  }

  private static void sleep(Duration time) throws InterruptedException {
    if (!time.isZero()) {
      TimeUnit.NANOSECONDS.sleep(time.toNanos());
    }
  }

  private static Thread daemon(Runnable task, String name) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    return thread;
  }
}
