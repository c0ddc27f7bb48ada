package io.bolina.watcher.kubernetes;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A lease that is neither acquired nor renewed while this process cannot act. So a process whose
 * loop hangs loses it by the ordinary rules, whatever else goes on working in it.
 */
final class ElectionLock implements Lock {
  private static final Logger log = LoggerFactory.getLogger(ElectionLock.class);

  private final Lock lease;
  private final Supplier<Optional<String>> inability;
  private final Thread.UncaughtExceptionHandler onError;
  private volatile long renewedNanos;
  private volatile boolean held;
  private volatile long usedNanos = System.nanoTime();
  private boolean refusing;

  // Of the elector's thread.
  private String observed = "";
  private long observedNanos;

  /**
   * @param inability why this process cannot act; empty while it can
   * @param onError hears of an {@link Error}; the elector's threads would swallow it
   */
  ElectionLock(
      Lock lease, Supplier<Optional<String>> inability, Thread.UncaughtExceptionHandler onError) {
    this.lease = lease;
    this.inability = inability;
    this.onError = onError;
  }

  /** Whether it was acquired or renewed within a time, and not released since. */
  boolean heldWithin(Duration time) {
    return held && System.nanoTime() - renewedNanos < time.toNanos();
  }

  /** How long ago the elector last asked for it. */
  Duration idle() {
    return Duration.ofNanos(System.nanoTime() - usedNanos);
  }

  @Override
  public LeaderElectionRecord get(KubernetesClient client) {
    usedNanos = System.nanoTime();
    try {
      return asObserved(lease.get(client));
    } catch (Error e) {
      throw died(e);
    }
  }

  /**
   * The record with the time at which it was seen to change, by this machine's clock. So the
   * elector, which adds the holder's own lease duration, takes the lease that long after it last
   * saw the holder renew it, however the holder's clock compares with ours.
   */
  private LeaderElectionRecord asObserved(LeaderElectionRecord record) {
    if (record == null) {
      return null;
    }
    String now =
        record.getHolderIdentity()
            + " "
            + record.getRenewTime()
            + " "
            + record.getLeaderTransitions();
    if (!now.equals(observed)) {
      observed = now;
      observedNanos = System.nanoTime();
    }
    if (identity().equals(record.getHolderIdentity())) {
      return record;
    }
    Duration age = Duration.ofNanos(System.nanoTime() - observedNanos);
    ZonedDateTime renewed = ZonedDateTime.now(ZoneOffset.UTC).minus(age);
    return record.toBuilder().renewTime(renewed).build();
  }

  @Override
  public void create(KubernetesClient client, LeaderElectionRecord leader) {
    hold(() -> lease.create(client, leader));
  }

  @Override
  public void update(KubernetesClient client, LeaderElectionRecord leader) {
    String holder = leader.getHolderIdentity();
    if (holder == null || holder.isEmpty()) {
      held = false; // released, even if that request should fail
      lease.update(client, leader);
    } else {
      hold(() -> lease.update(client, leader));
    }
  }

  private void hold(Runnable request) {
    long now = System.nanoTime(); // before the request: others count from when it is served
    refuseIfUnable();
    try {
      request.run();
    } catch (Error e) {
      throw died(e);
    }
    renewedNanos = now;
    held = true;
  }

  private void refuseIfUnable() {
    Optional<String> why = inability.get();
    if (why.isPresent()) {
      if (!refusing) {
        log.atError()
            .addKeyValue("reason", why.get())
            .log("lease not renewed; giving up leadership");
      }
      refusing = true;
      throw new KubernetesClientException(why.get());
    }
    refusing = false;
  }

  private Error died(Error e) {
    onError.uncaughtException(Thread.currentThread(), e);
    return e;
  }

  @Override
  public String identity() {
    return lease.identity();
  }

  @Override
  public String describe() {
    return lease.describe();
  }
}
