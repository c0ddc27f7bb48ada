package io.bolina.watcher;

import io.bolina.registry.Registry;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Wakes the loop when the fleet changes. Load alone can wait for the next round, unless it
 * overloads a server or is the last of it.
 */
final class FleetChanges implements Registry.FleetListener {
  private static final Logger log = LoggerFactory.getLogger(FleetChanges.class);

  private final double overloadedAt;
  private final Semaphore changed = new Semaphore(0);
  private List<String> last = List.of(); // of the registry's thread

  FleetChanges(double overloadedAt) {
    this.overloadedAt = overloadedAt;
  }

  @Override
  public void fleetChanged(Fleet fleet) {
    List<String> now = fleet.members().stream().map(this::summary).toList();
    if (!now.equals(last)) {
      last = now;
      changed.release();
    }
  }

  private String summary(Member member) {
    return member.server().id()
        + member.health()
        + member.draining()
        + member.presence()
        + member.load().map(this::summary).orElse("");
  }

  private String summary(LoadReport report) {
    boolean overloaded = report.load() >= overloadedAt;
    return overloaded + " " + report.sessions().equals(OptionalLong.of(0));
  }

  /** Waits for a change since the last {@link #seen}, or until the time is over. */
  void await(Duration atMost) throws InterruptedException {
    if (changed.tryAcquire(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
      log.atDebug().log("fleet changed");
    }
  }

  /** Whatever has changed so far will be seen by the round that begins now. */
  void seen() {
    changed.drainPermits();
  }
}
