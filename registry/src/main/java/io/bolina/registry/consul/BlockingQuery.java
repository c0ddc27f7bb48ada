package io.bolina.registry.consul;

import com.orbitz.consul.option.ConsistencyMode;
import io.bolina.registry.consul.ConsulConnection.Answer;
import io.bolina.registry.consul.ConsulConnection.Query;
import io.bolina.registry.consul.ConsulConnection.Reader;
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
 * <p>The loop cannot end or get stuck in silence: whatever a query or its listener throws is a
 * failure like any other, and a query that takes longer than Consul may hold it is cut off.
 */
final class BlockingQuery<T> implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(BlockingQuery.class);
  private static final ScheduledExecutorService CUT_OFF =
      Executors.newSingleThreadScheduledExecutor(task -> daemon(task, "consul-cut-off"));

  private final String name;
  private final ConsulSettings settings;
  private final Query query;
  private final Reader<T> reader;
  private final Listener<T> listener;
  private final Pacing pacing;
  private final Backoff backoff =
      new Backoff(
          Duration.ofMillis(250),
          Duration.ofSeconds(10),
          () -> ThreadLocalRandom.current().nextDouble());
  private final ConsulConnection connection;
  private final Thread thread;
  private volatile boolean closed;

  /** Hears what the watch comes to know. */
  interface Listener<T> {
    /** Consul has something new to say. */
    void answered(T body);

    /** The last answer still holds. */
    void unchanged();

    void failed(String why);
  }

  BlockingQuery(
      String name,
      ConsulSettings settings,
      Pacing pacing,
      Query query,
      Reader<T> reader,
      Listener<T> listener) {
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
    // The first answer has none before it whose index could tell that it is too old.
    ConsistencyMode mode = ConsistencyMode.CONSISTENT;
    int lastSize = 0;
    while (!closed) {
      try {
        sleep(pacing.take(System.nanoTime()));
        Answer<T> answer = ask(index, mode);
        if (answer.streamed() && answer.entries() < lastSize) {
          // Whether servers left or a right was lost, only a plain query tells.
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
          listener.answered(answer.body());
        }
        index = ConsulIndex.next(index, answer.index());
        backoff.reset();
      } catch (InterruptedException e) {
        return; // closed
      } catch (StaleAnswer e) {
        log.debug("{}: {}; asking the leader", name, e.getMessage());
        mode = ConsistencyMode.DEFAULT;
      } catch (ConsulFault e) {
        failed(e.getMessage(), e);
      } catch (RuntimeException | StackOverflowError e) {
        failed("an answer that could not be read: " + e, e);
      }
    }
  }

  private Answer<T> ask(BigInteger index, ConsistencyMode mode) {
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
    log.debug("{}: {}", name, why, e);
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
