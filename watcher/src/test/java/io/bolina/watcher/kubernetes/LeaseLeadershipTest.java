package io.bolina.watcher.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElector;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The real elector, on a lease in memory. */
class LeaseLeadershipTest {
  private static final Duration DURATION = Duration.ofMillis(2_100);

  private final AtomicReference<LeaderElectionRecord> lease = new AtomicReference<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final AtomicReference<Throwable> died = new AtomicReference<>();
  private final CountDownLatch goOn = new CountDownLatch(1);
  private final List<LeaseLeadership> candidates = new ArrayList<>();

  /** The lease, as one candidate reaches it. */
  private final class LeaseInMemory implements Lock {
    private final String identity;
    private volatile Runnable before = () -> {};

    private LeaseInMemory(String identity) {
      this.identity = identity;
    }

    @Override
    public LeaderElectionRecord get(KubernetesClient client) {
      before.run();
      return lease.get();
    }

    @Override
    public void create(KubernetesClient client, LeaderElectionRecord leader) {
      update(client, leader);
    }

    @Override
    public void update(KubernetesClient client, LeaderElectionRecord leader) {
      before.run();
      lease.set(leader);
    }

    @Override
    public String identity() {
      return identity;
    }

    @Override
    public String describe() {
      return identity;
    }
  }

  /** However busy the machine is. */
  private static ConditionFactory await() {
    return Awaitility.await().atMost(Duration.ofMinutes(1));
  }

  @AfterEach
  void close() {
    goOn.countDown();
    candidates.forEach(LeaseLeadership::close);
    threads.shutdownNow();
  }

  private LeaseLeadership candidate(LeaseInMemory lock) {
    LeaseLeadership candidate =
        new LeaseLeadership(
            lock,
            config -> new LeaderElector(null, config, threads),
            DURATION,
            Duration.ofMillis(500),
            (thread, error) -> died.set(error));
    candidates.add(candidate);
    return candidate;
  }

  @Test
  void who_cannot_act_loses_the_lease_and_another_takes_over() {
    AtomicReference<Optional<String>> inability = new AtomicReference<>(Optional.empty());
    LeaseLeadership first = candidate(new LeaseInMemory("first"));
    first.stand(inability::get);
    await().until(first::leading);
    LeaseLeadership second = candidate(new LeaseInMemory("second"));
    second.stand(Optional::empty);
    await().until(() -> second.leader().equals("first"));

    inability.set(Optional.of("the loop hangs"));
    await().until(second::leading);
    assertThat(first.leading()).isFalse();

    // Able again, it does not take the lease back while the other renews it.
    inability.set(Optional.empty());
    await().until(() -> first.leader().equals("second"));
    second.close();
    await().until(first::leading);
  }

  @Test
  void who_cannot_act_does_not_become_leader() {
    AtomicReference<Optional<String>> inability =
        new AtomicReference<>(Optional.of("the loop hangs"));
    LeaseInMemory lock = new LeaseInMemory("first");
    AtomicReference<Integer> asked = new AtomicReference<>(0);
    lock.before = () -> asked.updateAndGet(n -> n + 1);
    LeaseLeadership first = candidate(lock);
    first.stand(inability::get);
    await().until(() -> asked.get() >= 3);
    assertThat(first.leading()).isFalse();
    assertThat(lease).hasValue(null);
    inability.set(Optional.empty());
    await().until(first::leading);
  }

  @Test
  void without_a_renewal_in_time_it_does_not_lead_even_if_the_elector_hangs() {
    LeaseInMemory lock = new LeaseInMemory("first");
    LeaseLeadership first = candidate(lock);
    first.stand(Optional::empty);
    await().until(first::leading);
    lock.before =
        () -> {
          try {
            goOn.await();
          } catch (InterruptedException e) {
            throw new KubernetesClientException("interrupted", e);
          }
        };
    await().until(() -> !first.leading());
  }

  @Test
  void an_error_in_an_electors_thread_is_handled_as_fatal() {
    LeaseInMemory lock = new LeaseInMemory("first");
    lock.before =
        () -> {
          throw new StackOverflowError("as an example");
        };
    candidate(lock).stand(Optional::empty);
    await().until(() -> died.get() instanceof StackOverflowError);
  }

  @Test
  void an_unexpected_exception_does_not_end_the_election() {
    LeaseInMemory lock = new LeaseInMemory("first");
    AtomicReference<Integer> failures = new AtomicReference<>(0);
    lock.before =
        () -> {
          if (failures.updateAndGet(n -> n + 1) <= 2) {
            throw new IllegalStateException("as an example");
          }
        };
    LeaseLeadership first = candidate(lock);
    first.stand(Optional::empty);
    await().until(first::leading);
    assertThat(died).hasValue(null);
  }
}
