package io.bolina.watcher.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaderElectionRecord;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.Lock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * When a lease counts as expired, by the elector's rule: its renewal time and its duration against
 * this machine's clock.
 */
class ElectionLockTest {
  private static final Duration LONG = Duration.ofSeconds(15);

  private final AtomicReference<LeaderElectionRecord> lease = new AtomicReference<>();
  private final ElectionLock lock =
      new ElectionLock(new LeaseOfAnother(), Optional::empty, (thread, error) -> {});

  private final class LeaseOfAnother implements Lock {
    @Override
    public LeaderElectionRecord get(KubernetesClient client) {
      return lease.get();
    }

    @Override
    public void create(KubernetesClient client, LeaderElectionRecord leader) {
      lease.set(leader);
    }

    @Override
    public void update(KubernetesClient client, LeaderElectionRecord leader) {
      lease.set(leader);
    }

    @Override
    public String identity() {
      return "we";
    }

    @Override
    public String describe() {
      return "lease";
    }
  }

  private static LeaderElectionRecord record(
      String holder, Duration itsDuration, Duration itsClock) {
    ZonedDateTime renewed = ZonedDateTime.now(ZoneOffset.UTC).plus(itsClock);
    return new LeaderElectionRecord(holder, itsDuration, renewed, renewed, 1);
  }

  /** In how long it may be taken; as the elector counts. */
  private static Duration left(LeaderElectionRecord record) {
    return Duration.between(
        ZonedDateTime.now(ZoneOffset.UTC), record.getRenewTime().plus(record.getLeaseDuration()));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 15",
    "-20, 15",
    "20, 15",
    "-3600, 15",
    "0, 5",
    "0, 60",
    "-20, 5",
    "20, 60",
    "86400, 1"
  })
  void it_is_ours_to_take_only_when_its_duration_has_passed_since_it_was_seen_to_change(
      int itsClockSeconds, int itsDurationSeconds) {
    Duration itsDuration = Duration.ofSeconds(itsDurationSeconds);
    lease.set(record("another", itsDuration, Duration.ofSeconds(itsClockSeconds)));
    Duration first = left(lock.get(null));
    assertThat(first).isBetween(itsDuration.minusMillis(900), itsDuration);
    assertThat(left(lock.get(null))).as("looked at again").isLessThanOrEqualTo(first);
  }

  @Test
  void time_runs_while_it_is_not_renewed_and_begins_anew_when_it_is() throws Exception {
    lease.set(record("another", LONG, Duration.ofSeconds(20)));
    Duration first = left(lock.get(null));
    Thread.sleep(300);
    assertThat(left(lock.get(null))).isLessThan(first.minusMillis(250));
    lease.set(record("another", LONG, Duration.ofSeconds(21)));
    assertThat(left(lock.get(null))).isGreaterThan(first.minusMillis(250));
  }

  @Test
  void another_holder_is_a_change() throws Exception {
    LeaderElectionRecord first = record("another", LONG, Duration.ZERO);
    lease.set(first);
    Duration before = left(lock.get(null));
    Thread.sleep(300);
    lease.set(
        new LeaderElectionRecord("a third", LONG, first.getAcquireTime(), first.getRenewTime(), 1));
    assertThat(left(lock.get(null))).isGreaterThan(before.minusMillis(250));
  }

  @Test
  void our_own_and_none_are_as_they_are() {
    assertThat(lock.get(null)).isNull();
    LeaderElectionRecord own = record("we", LONG, Duration.ofSeconds(-20));
    lease.set(own);
    assertThat(lock.get(null)).isSameAs(own);
    LeaderElectionRecord released =
        new LeaderElectionRecord("", LONG, own.getAcquireTime(), own.getRenewTime(), 2);
    lease.set(released);
    assertThat(lock.get(null).getHolderIdentity()).isEmpty();
  }
}
