package io.bolina.registry.consul;

import io.bolina.registry.consul.ConsulConnection.AnswerReader;
import io.bolina.registry.consul.ConsulConnection.ConsulAnswer;
import io.bolina.registry.consul.ConsulConnection.ConsulQuery;
import io.bolina.registry.consul.ConsulConnection.NoLeader;
import io.bolina.registry.consul.ConsulConnection.StaleAnswer;
import java.time.Duration;
import java.util.Optional;
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

  /** How long a question may take that Consul does not hold. */
  private static final Duration AT_ONCE = Duration.ofSeconds(30);

  /**
   * How long after a fault the agent's streaming backend may take to be connected again: it waits a
   * minute at most between two tries, and as long again by chance.
   */
  private static final Duration UNTIL_STREAMING = Duration.ofSeconds(150);

  private static final Duration LEADERLESS_PAUSE = Duration.ofSeconds(1);
  private static final String WITHOUT_LEADER = NoLeader.MESSAGE + "; following stale answers";

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
  private long lastFaultNanos = System.nanoTime();
  private volatile boolean closed;
  private volatile Optional<String> abortedFor = Optional.empty();

  /** Gets the result of each query. */
  interface ResultListener<T> {
    /**
     * Consul answered with something new.
     *
     * @param problem why the answer, though it is the best there is, may be old; empty if it is not
     */
    void received(T body, Optional<String> problem);

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

  void start() {
    thread.start();
  }

  @Override
  public void close() {
    closed = true;
    connection.close();
    thread.interrupt();
  }

  private void loop() {
    QueryPlan plan = QueryPlan.FIRST;
    while (!closed) {
      try {
        sleep(pacing.take(System.nanoTime()));
        if (System.nanoTime() - lastFaultNanos > UNTIL_STREAMING.toNanos()) {
          plan = plan.streaming();
        }
        plan = follow(plan);
        backoff.reset();
      } catch (InterruptedException e) {
        return; // closed
      } catch (StaleAnswer e) {
        log.atDebug()
            .addKeyValue("query", name)
            .addKeyValue("reason", e.getMessage())
            .log("stale answer; asking the leader");
        plan = plan.askLeader();
      } catch (NoLeader e) {
        plan = whileLeaderless(plan, e);
      } catch (ConsulFault e) {
        plan = plan.afterFault();
        failed(e.getMessage(), e);
      } catch (RuntimeException | Error e) { // a thread that ended would not be missed
        plan = plan.afterFault();
        failed("the answer cannot be read: " + e, e);
      }
    }
  }

  /** Asks until there is an answer to follow, and returns what to ask then. */
  private QueryPlan follow(QueryPlan first) {
    QueryPlan plan = first;
    while (true) {
      ConsulAnswer<T> answer = ask(plan);
      switch (plan.use(answer.index(), answer.entries(), answer.streamed())) {
        case ASK_OTHERWISE -> {
          plan = plan.otherwise(answer.index());
          if (plan.plain()) {
            lastFaultNanos = System.nanoTime(); // an index that goes backwards is one
          }
        }
        case TOO_OLD -> throw new NoLeader();
        case CONFIRM -> {
          listener.unchanged();
          return plan.after(answer.index(), answer.entries());
        }
        case FOLLOW -> {
          listener.received(
              answer.body(), plan.leaderless() ? Optional.of(WITHOUT_LEADER) : Optional.empty());
          return plan.after(answer.index(), answer.entries());
        }
      }
    }
  }

  /** Follows what can be had without a leader, says so, and tries again soon. */
  private QueryPlan whileLeaderless(QueryPlan plan, NoLeader why) {
    QueryPlan next = plan.afterFault();
    lastFaultNanos = System.nanoTime();
    try {
      next = follow(plan.withoutLeader());
    } catch (RuntimeException e) {
      failed(why.getMessage(), e);
      return next;
    }
    try {
      sleep(LEADERLESS_PAUSE);
    } catch (InterruptedException closing) {
      Thread.currentThread().interrupt();
    }
    return next;
  }

  private ConsulAnswer<T> ask(QueryPlan plan) {
    Duration longest =
        plan.isAnew()
            ? AT_ONCE
            : settings.longestWait().multipliedBy(17).dividedBy(16).plusSeconds(10);
    abortedFor = Optional.empty(); // what an earlier question was ended for
    Future<?> cutOff =
        CUT_OFF.schedule(connection::abort, longest.toMillis(), TimeUnit.MILLISECONDS);
    try {
      return connection.ask(query, reader, plan);
    } finally {
      cutOff.cancel(false);
    }
  }

  /**
   * Ends the question in flight, which has failed: Consul does not answer others either.
   *
   * @param why in words
   */
  void abort(String why) {
    abortedFor = Optional.of(why);
    connection.abort();
  }

  private void failed(String why, Throwable e) {
    lastFaultNanos = System.nanoTime();
    if (closed) {
      return;
    }
    log.atDebug()
        .addKeyValue("query", name)
        .addKeyValue("reason", why)
        .setCause(e)
        .log("query failed");
    listener.failed(abortedFor.orElse(why));
    abortedFor = Optional.empty();
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
