package io.bolina.watcher;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread of a Watcher: a round every interval, and at once when the fleet changes. An exception
 * costs a round; an {@link Error} ends the thread, and its handler the process.
 */
final class ScalingLoop implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ScalingLoop.class);

  /** The least time between two rounds. */
  private static final Duration PAUSE = Duration.ofMillis(500);

  private static final Duration LONGEST_STOP = Duration.ofSeconds(5);

  private final ScalingRounds rounds;
  private final FleetChanges changes;
  private final LoopProgress progress;
  private final Duration interval;
  private final Thread thread;
  private volatile boolean closed;

  ScalingLoop(
      ScalingRounds rounds,
      FleetChanges changes,
      LoopProgress progress,
      Duration interval,
      Thread.UncaughtExceptionHandler onError) {
    this.rounds = rounds;
    this.changes = changes;
    this.progress = progress;
    this.interval = interval;
    this.thread = new Thread(this::run, "scaling-loop");
    thread.setDaemon(true);
    thread.setUncaughtExceptionHandler(onError);
  }

  void start() {
    thread.start();
  }

  private void run() {
    try {
      while (!closed) {
        changes.seen();
        boolean busy = round();
        Thread.sleep(PAUSE.toMillis());
        if (!busy) {
          changes.await(interval.minus(PAUSE));
        }
      }
    } catch (InterruptedException e) {
      log.atDebug().log("scaling loop stopped");
    }
  }

  /** Returns whether another round should follow at once. */
  private boolean round() throws InterruptedException {
    try {
      boolean busy = rounds.round();
      progress.made();
      return busy;
    } catch (RuntimeException e) {
      if (closed) {
        return false; // a request was interrupted
      }
      rounds.failed(e);
      log.atError()
          .addKeyValue("retrySeconds", interval.toSeconds())
          .setCause(e)
          .log("unexpected error; retrying");
      Thread.sleep(interval.toMillis());
      return true;
    }
  }

  /** Stops after the step under way. */
  @Override
  public void close() {
    closed = true;
    thread.interrupt();
    try {
      thread.join(LONGEST_STOP.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
