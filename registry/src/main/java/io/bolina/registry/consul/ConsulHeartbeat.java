package io.bolina.registry.consul;

import com.orbitz.consul.ConsulException;
import java.time.Duration;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Finds out soon that a Consul agent hangs, or that the way to it is gone: a blocking query says
 * nothing for a minute either way. Asks something small, again and again; when two in a row get no
 * answer in time, whoever waits for that agent is told. An error is an answer.
 */
final class ConsulHeartbeat implements AutoCloseable {
  private static final long INTERVAL_MILLIS = 1_000;

  /** A Consul that is busy for a second must not lose its questions. */
  private static final long TIMEOUT_MILLIS = 1_500;

  private static final int MISSED = 2;

  private final ConsulHttp http;
  private final Runnable silent;
  private final ScheduledExecutorService thread;
  private int missed;
  private volatile long lastAnswer = System.nanoTime();

  /**
   * @param silent is called, again and again, while the agent gives no answer
   */
  ConsulHeartbeat(ConsulSettings settings, Runnable silent) {
    this.silent = silent;
    Duration timeout = Duration.ofMillis(TIMEOUT_MILLIS);
    this.http =
        new ConsulHttp(
            settings, new ConsulHttp.Timeouts(timeout, timeout, timeout.multipliedBy(2)));
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread t = new Thread(task, "consul-heartbeat");
              t.setDaemon(true);
              return t;
            });
  }

  ConsulHeartbeat start() {
    var beats =
        thread.scheduleWithFixedDelay(
            this::beat, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
    assert !beats.isDone();
    return this;
  }

  private void beat() {
    while (!thread.isShutdown() && !answers()) {
      missed++;
      if (missed >= MISSED) {
        missed = 0;
        silent.run();
        return;
      }
    }
    missed = 0;
  }

  private boolean answers() {
    long asked = System.nanoTime();
    boolean answered = isAnswered();
    if (answered) {
      lastAnswer = asked; // it may have been sent that early
    }
    return answered;
  }

  private boolean isAnswered() {
    try {
      return http.consul().statusClient().getLeader() != null;
    } catch (ConsulException e) {
      return e.getCode() != 0;
    } catch (RuntimeException e) {
      return true; // an answer that cannot be read is one
    }
  }

  /** How long ago it last answered. */
  Duration silence() {
    return Duration.ofNanos(System.nanoTime() - lastAnswer);
  }

  @Override
  public void close() {
    thread.shutdownNow();
    http.close();
  }
}
