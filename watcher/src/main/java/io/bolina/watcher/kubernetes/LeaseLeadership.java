package io.bolina.watcher.kubernetes;

import io.bolina.watcher.Leadership;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfig;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Leadership by a Lease in the target's namespace. Who loses it, or cannot renew it in time, stands
 * for election again.
 */
public final class LeaseLeadership implements Leadership {
  private static final Logger log = LoggerFactory.getLogger(LeaseLeadership.class);

  private final KubernetesApi api;
  private final LeaderElectionConfig election;
  private final Thread thread;
  private volatile boolean leading;
  private volatile boolean closed;
  private volatile String leader = "";
  private volatile CompletableFuture<?> candidacy = CompletableFuture.completedFuture(null);

  /**
   * Stands for election.
   *
   * @param lease the Lease's name
   * @param identity what this one is called; unique among the candidates
   * @param owner what a new Lease belongs to, so that it goes when that goes
   * @param duration after how long without a word of the leader another takes over
   */
  public LeaseLeadership(
      KubernetesApi api,
      String lease,
      Optional<OwnerReference> owner,
      String identity,
      Duration duration) {
    this.api = api;
    this.election =
        new LeaderElectionConfigBuilder()
            .withName("bolina-watcher")
            .withLock(
                new LeaseLock(
                    new ObjectMetaBuilder()
                        .withNamespace(api.namespace())
                        .withName(lease)
                        .withOwnerReferences(owner.stream().toList())
                        .build(),
                    identity))
            .withLeaseDuration(duration)
            .withRenewDeadline(duration.multipliedBy(2).dividedBy(3))
            .withRetryPeriod(duration.dividedBy(7))
            .withReleaseOnCancel(true)
            .withLeaderCallbacks(
                new LeaderCallbacks(() -> leads(true), () -> leads(false), this::isLedBy))
            .build();
    this.thread = new Thread(this::stand, "leader-election");
    thread.setDaemon(true);
    thread.start();
  }

  @Override
  public boolean leading() {
    return leading;
  }

  @Override
  public String leader() {
    return leader;
  }

  private void leads(boolean now) {
    leading = now;
    log.info(now ? "leads" : "leads no more");
  }

  private void isLedBy(String who) {
    leader = who == null ? "" : who;
    if (!leader.isEmpty()) {
      log.info("the leader is {}", leader);
    }
  }

  private void stand() {
    while (!closed) {
      try {
        candidacy = api.client().leaderElector().withConfig(election).build().start();
        candidacy.join();
      } catch (CancellationException e) {
        log.debug("closing", e);
      } catch (CompletionException | IllegalStateException e) {
        log.warn("the election failed and is begun anew: {}", e.toString());
      }
      leading = false;
      if (!closed) {
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(1_000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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
