package io.bolina.watcher.kubernetes;

import io.bolina.watcher.ExitOnError;
import io.bolina.watcher.Leadership;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfig;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElector;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Leadership by a Lease in the target's namespace. Who loses it, or cannot renew it in time, stands
 * for election again.
 */
public final class LeaseLeadership implements Leadership {
  private static final Logger log = LoggerFactory.getLogger(LeaseLeadership.class);
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** Longer than any request of the elector's takes, with its retries. */
  private static final Duration LONGEST_IDLE = Duration.ofMinutes(1);

  private final Lock lease;
  private final Function<LeaderElectionConfig, LeaderElector> electors;
  private final Duration duration;
  private final Duration longestIdle;
  private final Thread.UncaughtExceptionHandler onError;
  private final Thread thread;
  private volatile ElectionLock lock;
  private volatile boolean leading;
  private volatile boolean closed;
  private volatile String leader = "";
  private volatile CompletableFuture<?> candidacy = CompletableFuture.completedFuture(null);

  /**
   * @param lease the Lease's name
   * @param identity what this process is called; unique among the candidates
   * @param owner what a new Lease belongs to, so that it goes when that goes
   * @param duration how long after the leader's last renewal another takes over
   */
  public LeaseLeadership(
      KubernetesApi api,
      String lease,
      Optional<OwnerReference> owner,
      String identity,
      Duration duration) {
    this(
        new LeaseLock(
            new ObjectMetaBuilder()
                .withNamespace(api.namespace())
                .withName(lease)
                .withOwnerReferences(owner.stream().toList())
                .build(),
            identity),
        config -> api.client().leaderElector().withConfig(config).build(),
        duration,
        LONGEST_IDLE,
        new ExitOnError());
  }

  /**
   * The same, by any lease.
   *
   * @param electors makes an elector, which serves for one candidacy
   * @param longestIdle after how long without a request an elector counts as hung, in addition to
   *     the lease's duration
   * @param onError is called when a thread of the election dies
   */
  LeaseLeadership(
      Lock lease,
      Function<LeaderElectionConfig, LeaderElector> electors,
      Duration duration,
      Duration longestIdle,
      Thread.UncaughtExceptionHandler onError) {
    this.lease = lease;
    this.electors = electors;
    this.duration = duration;
    this.longestIdle = longestIdle;
    this.onError = onError;
    this.lock = new ElectionLock(lease, Optional::empty, onError);
    this.thread = new Thread(this::run, "leader-election");
    thread.setDaemon(true);
    thread.setUncaughtExceptionHandler(onError);
  }

  @Override
  public void stand(Supplier<Optional<String>> inability) {
    lock = new ElectionLock(lease, inability, onError);
    thread.start();
  }

  /** The elector's state is not enough: without a renewal in time another may lead by now. */
  @Override
  public boolean leading() {
    return leading && lock.heldWithin(duration);
  }

  @Override
  public String leader() {
    return leader;
  }

  private void run() {
    while (!closed) {
      try {
        candidacy = electors.apply(config()).start();
        if (closed) {
          candidacy.cancel(true);
        }
        await();
      } catch (CancellationException e) {
        log.atDebug().setCause(e).log("candidacy ended");
      } catch (ExecutionException e) {
        if (e.getCause() instanceof Error error) {
          throw error;
        }
        log.atWarn()
            .addKeyValue("error", String.valueOf(e.getCause()))
            .log("leader election failed; retrying");
      } catch (RuntimeException e) {
        log.atWarn().setCause(e).log("leader election failed; retrying");
      } catch (InterruptedException e) {
        return; // closed
      }
      leads(false);
      if (!closed && !pause()) {
        return;
      }
    }
  }

  private LeaderElectionConfig config() {
    return new LeaderElectionConfigBuilder()
        .withName("bolina-watcher")
        .withLock(lock)
        .withLeaseDuration(duration)
        .withRenewDeadline(duration.multipliedBy(2).dividedBy(3))
        .withRetryPeriod(duration.dividedBy(7))
        .withReleaseOnCancel(true)
        .withLeaderCallbacks(
            new LeaderCallbacks(() -> leads(true), () -> leads(false), this::leaderIs))
        .build();
  }

  /** Until the candidacy ends, or the elector has stopped without ending it. */
  private void await() throws InterruptedException, ExecutionException {
    while (true) {
      try {
        candidacy.get(RETRY.toMillis(), TimeUnit.MILLISECONDS);
        return;
      } catch (TimeoutException e) {
        if (lock.idle().compareTo(longestIdle.plus(duration)) > 0) {
          log.atWarn()
              .addKeyValue("idleSeconds", lock.idle().toSeconds())
              .log("leader election hangs; restarting it");
          candidacy.cancel(true);
          return;
        }
      }
    }
  }

  private synchronized void leads(boolean now) {
    if (leading == now) {
      return;
    }
    leading = now;
    if (!now && leader.equals(lease.identity())) {
      leader = "";
    }
    log.atInfo()
        .addKeyValue("identity", lease.identity())
        .log(now ? "became leader" : "lost leadership");
  }

  private void leaderIs(String who) {
    leader = who == null ? "" : who;
    if (!leader.isEmpty() && !leader.equals(lease.identity())) {
      log.atInfo().addKeyValue("leader", leader).log("leader changed");
    }
  }

  private static boolean pause() {
    try {
      Thread.sleep(RETRY.toMillis());
      return true;
    } catch (InterruptedException e) {
      return false; // closed
    }
  }

  @Override
  public void close() {
    closed = true;
    candidacy.cancel(true);
    try {
      thread.join(Duration.ofSeconds(5).toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
