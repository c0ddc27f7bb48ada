package io.bolina.controlplane.served;

import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides when a change goes out. The first change after a quiet time goes at once; those that
 * follow within the window go together when it ends. A change that closes a server does not wait
 * for a window that other changes opened, only for one that closing opened.
 */
public final class Publisher implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Publisher.class);

  private final long windowNanos;
  private final Consumer<Collection<ServedItem>> out;
  private final LongSupplier nanoTime;
  private final ScheduledExecutorService thread;
  private final Map<String, ServedItem> waiting = new LinkedHashMap<>();
  private long lastSent;
  private long lastUrgent;
  private boolean urgentWaiting;
  private ScheduledFuture<?> due;

  /**
   * @param out is called on the publisher's thread with the items that changed
   */
  public Publisher(Duration window, Consumer<Collection<ServedItem>> out) {
    this(window, out, System::nanoTime);
  }

  Publisher(Duration window, Consumer<Collection<ServedItem>> out, LongSupplier nanoTime) {
    this.windowNanos = window.toNanos();
    this.out = out;
    this.nanoTime = nanoTime;
    this.lastSent = nanoTime.getAsLong() - windowNanos;
    this.lastUrgent = lastSent;
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread t = new Thread(task, "publisher");
              t.setDaemon(true);
              return t;
            });
    executor.setRemoveOnCancelPolicy(true);
    this.thread = executor;
  }

  /**
   * Takes changed items, which go out together; a later change of the same ones replaces them.
   *
   * @param urgent whether they close a server to new clients
   */
  public synchronized void publish(List<? extends ServedItem> changed, boolean urgent) {
    if (thread.isShutdown()) {
      return;
    }
    changed.forEach(item -> waiting.put(item.typeUrl() + " " + item.name(), item));
    long now = nanoTime.getAsLong();
    long wait = (urgent ? lastUrgent : lastSent) + windowNanos - now;
    urgentWaiting |= urgent;
    if (due != null && !due.isDone() && due.getDelay(TimeUnit.NANOSECONDS) <= Math.max(wait, 0)) {
      return;
    }
    if (due != null) {
      due.cancel(false);
    }
    due = thread.schedule(this::send, Math.max(wait, 0), TimeUnit.NANOSECONDS);
  }

  /** Nothing goes out any more. */
  @Override
  public synchronized void close() {
    thread.shutdownNow();
  }

  private void send() {
    Collection<ServedItem> changed;
    synchronized (this) {
      if (waiting.isEmpty()) {
        return;
      }
      changed = List.copyOf(waiting.values());
      waiting.clear();
      due = null;
      lastSent = nanoTime.getAsLong();
      if (urgentWaiting) {
        lastUrgent = lastSent;
        urgentWaiting = false;
      }
    }
    try {
      out.accept(changed);
    } catch (RuntimeException e) {
      log.atError()
          .addKeyValue("resources", changed.stream().map(ServedItem::name).toList())
          .setCause(e)
          .log("publishing failed; retrying with the next change");
    }
  }
}
