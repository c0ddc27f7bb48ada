package io.bolina.controlplane.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.fleet.FleetTracker;
import io.bolina.registry.fleet.RegistryAvailability;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The machine's clock is set while a control plane restarts. */
class ClockSetTest {
  private static final Instant T0 = Instant.parse("2026-01-01T12:00:00Z");
  private static final Duration LINGER = FleetSettings.DEFAULTS.linger();
  private static final Duration LINGERED = Duration.ofMinutes(3);

  @TempDir private Path directory;

  /** A clock that goes only when it is told to. */
  private static final class HandClock extends Clock {
    private volatile Instant now;

    private HandClock(Instant now) {
      this.now = now;
    }

    private void pass(Duration time) {
      now = now.plus(time);
    }

    @Override
    public Instant instant() {
      return now;
    }

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      throw new UnsupportedOperationException("only instants are asked of it");
    }
  }

  private static FleetTracker track(
      HandClock clock, StateFile file, Optional<LastKnownFleet> lastKnown) {
    FleetTracker tracker =
        new FleetTracker(
            "bolina",
            lastKnown,
            FleetSettings.DEFAULTS,
            Telemetry.create(clock),
            new RegistryAvailability(Optional.empty()),
            file::save);
    tracker.loadsReceived(Map.of());
    tracker.drainOrdersReceived(Map.of());
    tracker.goneReportsReceived(Map.of());
    return tracker;
  }

  private static ServiceListing listing(int... numbers) {
    return new ServiceListing(
        Arrays.stream(numbers)
            .mapToObj(
                n ->
                    new ServiceListing.Instance(
                        new Server("b-" + n, "bolina", "10.0.0." + n, 7000, "", Map.of()),
                        Health.PASSING,
                        false,
                        false,
                        ""))
            .toList());
  }

  private static Presence presence(FleetTracker tracker, int n) {
    return tracker.current().members().stream()
        .filter(m -> m.server().id().equals("b-" + n))
        .findFirst()
        .map(Member::presence)
        .orElse(null);
  }

  private StateFile open(HandClock clock) throws IOException {
    StateFile file = new StateFile(directory, Telemetry.create(clock));
    file.open();
    return file;
  }

  /** A server vanishes; its control plane ends some minutes later. */
  private void aServerVanishesBeforeTheRestart() throws IOException {
    HandClock clock = new HandClock(T0);
    try (StateFile file = open(clock);
        FleetTracker tracker = track(clock, file, Optional.empty())) {
      tracker.listingReceived(listing(1, 2, 3));
      tracker.listingReceived(listing(1, 2));
      await().until(() -> presence(tracker, 3) == Presence.VANISHED);
      clock.pass(LINGERED);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 3_600, -3_600})
  void a_lingering_server_is_kept_for_as_long_as_it_was_to_be(long seconds) throws IOException {
    aServerVanishesBeforeTheRestart();
    HandClock clock = new HandClock(T0.plus(LINGERED).plusSeconds(seconds));
    try (StateFile file = open(clock);
        FleetTracker tracker =
            track(clock, file, Optional.of(file.load().fleets().get("bolina")))) {
      clock.pass(LINGER.minus(LINGERED).minusSeconds(1));
      tracker.listingReceived(listing(1, 2, 4));
      await().until(() -> presence(tracker, 4) == Presence.LISTED);
      assertThat(presence(tracker, 3)).isEqualTo(Presence.VANISHED);
      clock.pass(Duration.ofSeconds(2));
      tracker.listingReceived(listing(1, 2));
      await().until(() -> presence(tracker, 3) == null);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {3_600, -3_600})
  void it_is_so_after_a_second_restart_before_its_fleet_was_saved_again(long seconds)
      throws IOException {
    aServerVanishesBeforeTheRestart();
    HandClock second = new HandClock(T0.plus(LINGERED).plusSeconds(seconds));
    try (StateFile file = open(second)) {
      file.load();
      file.save(Fleet.unknown("another"));
    }
    HandClock third = new HandClock(second.instant());
    try (StateFile file = open(third);
        FleetTracker tracker =
            track(third, file, Optional.of(file.load().fleets().get("bolina")))) {
      third.pass(LINGER.minus(LINGERED).minusSeconds(1));
      tracker.listingReceived(listing(1, 2, 4));
      await().until(() -> presence(tracker, 4) == Presence.LISTED);
      assertThat(presence(tracker, 3)).isEqualTo(Presence.VANISHED);
      third.pass(Duration.ofSeconds(2));
      tracker.listingReceived(listing(1, 2));
      await().until(() -> presence(tracker, 3) == null);
    }
  }
}
