package io.bolina.registry.fleet;

import static io.bolina.registry.fleet.Fleets.listing;
import static io.bolina.registry.fleet.Fleets.presence;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Source;
import io.bolina.runtime.Telemetry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class FleetTrackerTest {
  private static final String OUTAGE = "no route to host";
  private static final GoneReport GONE =
      GoneReport.of(Fleets.server(1), "agent", Instant.EPOCH, "process ended");
  private static final DrainOrder ORDER =
      new DrainOrder("ann", Instant.EPOCH, "disk swap", Map.of());

  private final Telemetry telemetry = Telemetry.create();
  private final Clock clock = telemetry.clock();
  private final List<Fleet> fleets = new CopyOnWriteArrayList<>();
  private FleetTracker tracker;

  private FleetTracker track(Optional<LastKnownFleet> lastKnown, FleetSettings settings) {
    tracker =
        new FleetTracker(
            "bolina",
            lastKnown,
            settings,
            telemetry,
            new RegistryAvailability(Optional.empty()),
            fleets::add);
    return tracker;
  }

  private Fleet last() {
    return fleets.get(fleets.size() - 1);
  }

  @AfterEach
  void close() {
    tracker.close();
  }

  @Test
  void the_first_fleet_waits_for_the_first_loads() {
    track(Optional.empty(), FleetSettings.DEFAULTS);
    tracker.listingReceived(listing(1));
    tracker.loadsReceived(Map.of("b-1", LoadReport.of(0.95)));
    tracker.drainOrdersReceived(Map.of("b-1", ORDER));
    tracker.goneReportsReceived(Map.of("b-1", GONE));
    await().until(() -> !fleets.isEmpty());
    assertThat(fleets.get(0).members().get(0).load()).contains(LoadReport.of(0.95));
    assertThat(fleets.get(0).members().get(0).draining()).isTrue();
    assertThat(fleets.get(0).members().get(0).hasEnded()).isTrue();
  }

  @Test
  void reports_of_gone_servers_are_followed_and_taken_back() {
    track(Optional.empty(), FleetSettings.DEFAULTS);
    tracker.loadsReceived(Map.of());
    tracker.drainOrdersReceived(Map.of());
    tracker.goneReportsReceived(Map.of());
    tracker.listingReceived(listing(1, 2));
    await().until(() -> !fleets.isEmpty());
    tracker.goneReportsReceived(Map.of("b-1", GONE));
    await().until(() -> last().members().get(0).hasEnded());
    tracker.goneReportsFailed("no right");
    tracker.listingReceived(listing(2));
    await().until(() -> last().members().size() == 1);
    assertThat(last().gone().error()).contains("no right");
    tracker.listingReceived(listing(1, 2));
    await().until(() -> last().members().size() == 2 && last().members().get(0).hasEnded());
    tracker.goneReportsReceived(Map.of());
    await().until(() -> !last().members().get(0).hasEnded());
  }

  @Test
  void an_order_drains_a_server_until_it_is_called_off() {
    track(Optional.empty(), FleetSettings.DEFAULTS);
    tracker.loadsReceived(Map.of());
    tracker.drainOrdersReceived(Map.of());
    tracker.goneReportsReceived(Map.of());
    tracker.listingReceived(listing(1, 2));
    tracker.drainOrdersReceived(Map.of("b-1", ORDER));
    await().until(() -> fleets.size() == 2);
    assertThat(last().members()).extracting(Member::draining).containsExactly(true, false);
    tracker.listingReceived(listing(1, 2, 3));
    await().until(() -> last().members().size() == 3);
    assertThat(last().members()).extracting(Member::draining).containsExactly(true, false, false);
    tracker.drainOrdersReceived(Map.of());
    await().until(() -> last().members().stream().noneMatch(Member::draining));
  }

  @Test
  void orders_that_were_known_stay_in_force_while_they_cannot_be_had() {
    Fleet known =
        new FleetKeeper(FleetSettings.DEFAULTS)
            .withListing(
                Fleet.unknown("bolina"),
                listing(1, 2),
                Map.of(),
                Map.of("b-1", ORDER),
                Map.of(),
                clock.instant());
    track(Optional.of(new LastKnownFleet(known, clock.instant())), FleetSettings.DEFAULTS);
    tracker.drainOrdersFailed("no right");
    tracker.loadsReceived(Map.of());
    tracker.listingReceived(listing(1, 2, 3));
    await().until(() -> !fleets.isEmpty() && last().members().size() == 3);
    assertThat(last().members()).extracting(Member::draining).containsExactly(true, false, false);
    assertThat(last().orders().error()).contains("no right");
  }

  @Test
  void the_first_fleet_does_not_wait_for_loads_that_cannot_be_had() {
    track(Optional.empty(), FleetSettings.DEFAULTS);
    tracker.loadsFailed("refused");
    tracker.drainOrdersFailed("refused");
    tracker.goneReportsFailed("refused");
    tracker.listingReceived(listing(1));
    await().until(() -> !fleets.isEmpty());
    assertThat(last().members()).hasSize(1);
    assertThat(last().load().error()).contains("refused");
  }

  @Test
  void before_the_registry_answered_nothing_is_told_unless_something_was_known() {
    track(Optional.empty(), FleetSettings.DEFAULTS);
    tracker.listingFailed("refused");
    tracker.loadsFailed("refused");
    await().until(() -> tracker.current().health().error().isPresent());
    assertThat(fleets).isEmpty();

    tracker.close();
    Fleet known =
        new FleetKeeper(FleetSettings.DEFAULTS)
            .withListing(
                Fleet.unknown("bolina"),
                listing(1, 2),
                Map.of(),
                Map.of(),
                Map.of(),
                clock.instant());
    track(Optional.of(new LastKnownFleet(known, clock.instant())), FleetSettings.DEFAULTS);
    await().until(() -> !fleets.isEmpty());
    assertThat(last()).isEqualTo(known);
  }

  @Test
  void time_alone_changes_a_fleet() {
    FleetSettings settings =
        new FleetSettings(Duration.ofMillis(100), Duration.ofSeconds(1), Duration.ofSeconds(1));
    track(Optional.empty(), settings);
    tracker.loadsReceived(Map.of());
    tracker.goneReportsReceived(Map.of());
    tracker.drainOrdersReceived(Map.of());
    tracker.listingReceived(listing(1, 2, 3));
    tracker.listingReceived(listing(1, 2));
    await().until(() -> !fleets.isEmpty() && last().members().size() == 2);
    assertThat(fleets).anyMatch(f -> presence(f, 3) == Presence.VANISHED);
  }

  @Test
  void a_fleet_that_nobody_watched_for_long_is_not_held_against_the_registry() {
    Instant longAgo = clock.instant().minus(Duration.ofHours(3));
    Fleet known =
        new FleetKeeper(FleetSettings.DEFAULTS)
            .withListing(
                Fleet.unknown("bolina"), listing(1, 2, 3), Map.of(), Map.of(), Map.of(), longAgo);
    track(Optional.of(new LastKnownFleet(known, longAgo)), FleetSettings.DEFAULTS);
    tracker.loadsReceived(Map.of());
    tracker.listingReceived(listing(7, 8, 9));
    await().until(() -> !fleets.isEmpty() && presence(last(), 7) == Presence.LISTED);
    assertThat(last().protection().inForce()).isFalse();
    assertThat(presence(last(), 1)).isEqualTo(Presence.VANISHED);
  }

  @Test
  void a_load_without_a_server_is_counted() {
    track(Optional.empty(), FleetSettings.DEFAULTS);
    tracker.listingReceived(listing(1));
    tracker.loadsReceived(Map.of("typo", LoadReport.of(0.5)));
    await()
        .until(
            () ->
                telemetry
                        .meters()
                        .counter("bolina.bad.input", "kind", "load-without-server")
                        .count()
                    == 1);
  }

  /** Lines of other tests may still be to come. */
  private static List<ILoggingEvent> ofThisOutage(List<ILoggingEvent> lines) {
    return lines.stream()
        .filter(line -> line.getKeyValuePairs().toString().contains(OUTAGE))
        .toList();
  }

  /** The lines on availability once Consul is unavailable from the beginning. */
  private List<ILoggingEvent> linesOfAnOutage(Optional<LastKnownFleet> lastKnown) {
    ListAppender<ILoggingEvent> log = new ListAppender<>();
    log.list = new CopyOnWriteArrayList<>();
    log.start();
    Logger logger = (Logger) LoggerFactory.getLogger(RegistryAvailability.class);
    logger.addAppender(log);
    logger.setLevel(Level.INFO);
    try {
      track(lastKnown, FleetSettings.DEFAULTS);
      tracker.listingFailed(OUTAGE);
      tracker.loadsFailed(OUTAGE);
      tracker.drainOrdersFailed(OUTAGE);
      tracker.goneReportsFailed(OUTAGE);
      await().until(() -> !ofThisOutage(log.list).isEmpty());
      return ofThisOutage(log.list);
    } finally {
      logger.detachAppender(log);
      logger.setLevel(null);
    }
  }

  @Test
  void an_outage_from_the_beginning_does_not_claim_that_something_is_served() {
    assertThat(linesOfAnOutage(Optional.empty()))
        .singleElement()
        .satisfies(
            line -> {
              assertThat(line.getMessage())
                  .isEqualTo("registry unavailable; nothing known yet, not serving");
              assertThat(line.getKeyValuePairs().toString())
                  .contains(
                      "source=\"drain-orders,gone-reports,health,load\"", "reason=\"" + OUTAGE);
            });
  }

  @Test
  void an_outage_with_a_fleet_from_before_serves_it() {
    Fleet known =
        new FleetKeeper(FleetSettings.DEFAULTS)
            .withListing(
                Fleet.unknown("bolina"),
                listing(1, 2),
                Map.of(),
                Map.of(),
                Map.of(),
                clock.instant());
    Source answered = Source.NEVER_UPDATED.updatedAt(clock.instant());
    known = known.withSources(answered, answered, answered, answered);
    assertThat(linesOfAnOutage(Optional.of(new LastKnownFleet(known, clock.instant()))))
        .singleElement()
        .satisfies(
            line ->
                assertThat(line.getMessage())
                    .isEqualTo("registry unavailable; serving last known state"));
  }
}
