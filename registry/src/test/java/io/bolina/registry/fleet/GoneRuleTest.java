package io.bolina.registry.fleet;

import static io.bolina.registry.fleet.Fleets.listing;
import static io.bolina.registry.fleet.Fleets.member;
import static io.bolina.registry.fleet.Fleets.presence;
import static io.bolina.registry.fleet.Fleets.server;
import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is made of reports that servers have ended. */
class GoneRuleTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");

  private final FleetKeeper keeper = new FleetKeeper(FleetSettings.DEFAULTS);
  private final Map<String, GoneReport> reports = new HashMap<>();
  private Instant now = T0;
  private Fleet fleet = Fleet.unknown("bolina");

  private void see(ServiceListing listing) {
    fleet = keeper.withListing(fleet, listing, Map.of(), Map.of(), reports, now);
  }

  private void say(int n) {
    say(server(n), now);
  }

  private void say(Server server, Instant since) {
    reports.put(server.id(), GoneReport.of(server, "agent", since, "process ended"));
    fleet = keeper.withGoneReports(fleet, reports, now);
  }

  private Set<String> ended() {
    return fleet.members().stream()
        .filter(Member::hasEnded)
        .map(m -> m.server().id())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Server incarnation(int n, String incarnation) {
    return new Server(
        "b-" + n, "bolina", "10.0.0." + n, 7000, "", Map.of(Server.INCARNATION, incarnation));
  }

  private static ServiceListing.Instance passing(Server server) {
    return new ServiceListing.Instance(server, Health.PASSING, false, false, "");
  }

  @Test
  void a_server_that_is_reported_gone_has_ended_until_that_is_taken_back() {
    see(listing(1, 2, 3));
    say(2);
    assertThat(ended()).containsExactly("b-2");
    assertThat(presence(fleet, 2)).isEqualTo(Presence.LISTED);
    reports.clear();
    fleet = keeper.withGoneReports(fleet, reports, now);
    assertThat(ended()).isEmpty();
  }

  @Test
  void one_that_is_not_listed_any_more_is_forgotten_at_once_in_either_order() {
    see(listing(1, 2, 3));
    say(3);
    see(listing(1, 2));
    assertThat(member(fleet, 3)).isEmpty();
    assertThat(fleet.protection().inForce()).isFalse();

    see(listing(1, 2, 4));
    see(listing(1, 2));
    assertThat(presence(fleet, 4)).isEqualTo(Presence.VANISHED);
    say(4);
    assertThat(member(fleet, 4)).isEmpty();
  }

  @Test
  void the_next_process_of_the_same_id_at_the_same_address_lives() {
    see(new ServiceListing(List.of(passing(incarnation(1, "a")), passing(incarnation(2, "x")))));
    say(incarnation(1, "a"), T0);
    assertThat(ended()).containsExactly("b-1");
    see(new ServiceListing(List.of(passing(incarnation(1, "b")), passing(incarnation(2, "x")))));
    assertThat(ended()).isEmpty();
  }

  @Test
  void the_same_id_at_another_address_lives_and_the_old_one_is_forgotten() {
    see(listing(1, 2, 3));
    Server moved = new Server("b-1", "bolina", "10.0.0.99", 7000, "", Map.of());
    see(new ServiceListing(List.of(passing(moved), passing(server(2)), passing(server(3)))));
    assertThat(fleet.members()).hasSize(4);
    say(server(1), now);
    assertThat(fleet.members()).hasSize(3);
    assertThat(ended()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"1,1,0", "2,1,1", "2,2,0", "3,1,1", "3,2,0", "4,2,2", "4,3,0", "10,5,5", "10,6,0"})
  void of_a_whole_fleet_no_more_than_half_is_given_up_at_once(int servers, int said, int ended) {
    see(listing(java.util.stream.IntStream.rangeClosed(1, servers).toArray()));
    for (int n = 1; n <= said; n++) {
      say(n);
    }
    assertThat(ended()).hasSize(ended);
    assertThat(fleet.goneHeld()).isEqualTo(ended < said);
  }

  @Test
  void servers_that_end_one_after_the_other_are_given_up_all() {
    see(listing(1, 2, 3, 4));
    for (int n = 1; n <= 4; n++) {
      now = now.plus(Duration.ofMinutes(2));
      say(n);
    }
    // The last one has nowhere to send its clients.
    assertThat(ended()).containsExactly("b-1", "b-2", "b-3");
  }

  @Test
  void too_many_are_held_until_fewer_are_reported_or_the_limit_is_over() {
    see(listing(1, 2, 3));
    say(1);
    say(2);
    assertThat(ended()).isEmpty();
    assertThat(fleet.goneProtection().reason()).contains("2 of 3");
    assertThat(keeper.nextChange(fleet)).contains(T0.plus(FleetSettings.DEFAULTS.holdLimit()));

    Fleet before = fleet;
    reports.remove("b-2");
    fleet = keeper.withGoneReports(fleet, reports, now);
    assertThat(ended()).containsExactly("b-1");
    assertThat(fleet.goneProtection().inForce()).isFalse();

    now = now.plus(FleetSettings.DEFAULTS.holdLimit());
    fleet = keeper.aged(before, now);
    assertThat(ended()).containsExactly("b-1", "b-2");
    assertThat(keeper.nextChange(fleet)).isEmpty();
  }

  @Test
  void a_second_mistake_is_held_for_its_whole_time_though_the_first_is_over() {
    ServiceListing all = listing(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    see(all);
    for (int n = 1; n <= 8; n++) {
      say(n);
    }
    now = now.plus(FleetSettings.DEFAULTS.holdLimit());
    fleet = keeper.aged(fleet, now);
    assertThat(ended()).hasSize(8);
    // What is not too many is followed all the time.
    now = now.plus(Duration.ofMinutes(10));
    say(9);
    assertThat(ended()).hasSize(9);
    reports.remove("b-9");
    fleet = keeper.withGoneReports(fleet, reports, now);
    say(10);
    say(9);
    assertThat(ended()).doesNotContain("b-9", "b-10");
    assertThat(keeper.nextChange(fleet)).contains(now.plus(FleetSettings.DEFAULTS.holdLimit()));
    assertThat(keeper.withListing(fleet, all, Map.of(), Map.of(), reports, now)).isEqualTo(fleet);
  }

  @Test
  void those_that_cannot_be_seen_are_nobody_to_move_to() {
    see(listing(1, 2, 3, 4));
    see(listing(1, 2));
    say(1);
    say(2);
    assertThat(ended()).isEmpty();
    assertThat(fleet.goneHeld()).isTrue();
  }

  @Test
  void an_order_to_drain_decides_about_reports_at_once() {
    see(listing(1, 2, 3));
    say(1);
    say(2);
    assertThat(ended()).isEmpty();
    DrainOrder order = new DrainOrder("ann", T0, "", Map.of());
    fleet = keeper.withDrainOrders(fleet, Map.of("b-1", order), now);
    assertThat(ended()).containsExactly("b-1", "b-2");
    fleet = keeper.withDrainOrders(fleet, Map.of(), now);
    assertThat(ended()).isEmpty();
  }

  @Test
  void a_report_that_was_followed_is_not_held_for_a_drain_that_began_later() {
    ServiceListing all = listing(1, 2, 3, 4);
    see(all);
    say(1);
    say(2);
    assertThat(ended()).containsExactly("b-1", "b-2");
    Map<String, DrainOrder> later =
        Map.of("b-3", new DrainOrder("ann", now.plusSeconds(1), "", Map.of()));
    fleet = keeper.withDrainOrders(fleet, later, now.plusSeconds(1));
    assertThat(ended()).containsExactly("b-1", "b-2");
    // One that learns of all of it at once agrees.
    assertThat(
            keeper
                .withListing(Fleet.unknown("bolina"), all, Map.of(), later, reports, now)
                .members())
        .isEqualTo(fleet.members());
    // Those that drained before are nobody to move to.
    Map<String, DrainOrder> earlier = Map.of("b-3", new DrainOrder("ann", now, "", Map.of()));
    fleet = keeper.withDrainOrders(fleet, earlier, now);
    assertThat(ended()).isEmpty();
  }

  @Test
  void servers_that_drain_are_expected_to_end() {
    ServiceListing draining =
        new ServiceListing(
            List.of(Fleets.draining(1), Fleets.draining(2), Fleets.draining(3), Fleets.seen(4)));
    see(draining);
    say(1);
    say(2);
    say(3);
    assertThat(ended()).containsExactly("b-1", "b-2", "b-3");
  }

  @Test
  void reports_without_a_time_count_as_given_at_once() {
    see(listing(1, 2, 3));
    say(server(1), Instant.EPOCH);
    say(server(2), Instant.EPOCH);
    assertThat(ended()).isEmpty();
    say(server(2), Instant.MAX);
    assertThat(ended()).contains("b-1");
  }

  @Property
  void replicas_agree_whenever_they_began_and_in_whatever_order_they_came_to_know(
      @ForAll @Size(max = 8) List<@IntRange(min = 1, max = 6) Integer> said,
      @ForAll @Size(8) List<@IntRange(min = 0, max = 90) Integer> pauses) {
    Fleet one =
        keeper.withListing(fleet, listing(1, 2, 3, 4, 5, 6), Map.of(), Map.of(), Map.of(), T0);
    Map<String, GoneReport> all = new HashMap<>();
    Instant at = T0;
    for (int i = 0; i < said.size(); i++) {
      at = at.plusSeconds(pauses.get(i));
      all.put("b-" + said.get(i), GoneReport.of(server(said.get(i)), "agent", at, "ended"));
      one = keeper.withGoneReports(one, all, at);
    }
    Fleet late = keeper.withListing(fleet, listing(1, 2, 3, 4, 5, 6), Map.of(), Map.of(), all, at);
    assertThat(one.members()).isEqualTo(late.members());
    assertThat(one.members().stream().filter(Member::hasEnded).count()).isLessThan(6);
  }

  // The same id on several nodes

  @Test
  void neither_of_two_servers_of_one_id_has_the_entries_of_the_other() {
    Server other = new Server("b-1", "bolina", "10.0.1.1", 7000, "", Map.of());
    ServiceListing both = new ServiceListing(List.of(passing(server(1)), passing(other)));
    Map<String, LoadReport> loads = Map.of("b-1", LoadReport.of(0.95));
    fleet = keeper.withListing(fleet, both, loads, Map.of(), Map.of(), now);
    assertThat(fleet.members()).hasSize(2).allMatch(m -> m.load().isEmpty());
    fleet = keeper.withLoads(fleet, loads);
    assertThat(fleet.members()).allMatch(m -> m.load().isEmpty());
    assertThat(FleetKeeper.duplicateIds(fleet))
        .containsOnly(
            Map.entry(
                "b-1", Set.of(new Endpoint("10.0.0.1", 7000), new Endpoint("10.0.1.1", 7000))));
  }

  @Test
  void of_two_of_one_id_the_one_that_lives_has_the_entries() {
    Server back = new Server("b-1", "bolina", "10.0.1.1", 7000, "", Map.of());
    ServiceListing.Instance ghost =
        new ServiceListing.Instance(server(1), Health.CRITICAL, false, false, "", true, 7);
    Map<String, LoadReport> loads = Map.of("b-1", LoadReport.of(0.5));
    fleet =
        keeper.withListing(
            fleet,
            new ServiceListing(List.of(ghost, passing(back))),
            loads,
            Map.of(),
            Map.of(),
            now);
    assertThat(fleet.members())
        .filteredOn(m -> m.load().isPresent())
        .extracting(Member::server)
        .containsExactly(back);
    assertThat(FleetKeeper.duplicateIds(fleet)).isEmpty();
  }

  // Several ids at one address

  @Test
  void a_ghost_does_not_close_the_server_that_came_to_its_address() {
    Server young = new Server("b-9", "bolina", "10.0.0.1", 7000, "", Map.of());
    ServiceListing.Instance expired =
        new ServiceListing.Instance(server(1), Health.CRITICAL, false, false, "", true, 99);
    ServiceListing.Instance critical =
        new ServiceListing.Instance(server(1), Health.CRITICAL, false, false, "", false, 7);
    ServiceListing.Instance later =
        new ServiceListing.Instance(young, Health.PASSING, false, false, "", false, 8);
    for (ServiceListing.Instance ghost : List.of(expired, critical)) {
      fleet =
          keeper.withListing(
              Fleet.unknown("bolina"),
              new ServiceListing(List.of(ghost, later)),
              Map.of(),
              Map.of(),
              Map.of(),
              now);
      assertThat(fleet.members())
          .singleElement()
          .satisfies(
              m -> {
                assertThat(m.server().id()).isEqualTo("b-9");
                assertThat(m.othersHere()).containsExactly("b-1");
              });
    }
  }

  @Test
  void one_that_has_ended_decides_nothing_about_another_at_its_address() {
    // The agent of the dead one goes on reporting; that of the other has died.
    ServiceListing.Instance dead =
        new ServiceListing.Instance(server(1), Health.CRITICAL, false, false, "", false, 9);
    Server young = new Server("b-9", "bolina", "10.0.0.1", 7000, "", Map.of());
    ServiceListing.Instance silent =
        new ServiceListing.Instance(young, Health.CRITICAL, false, false, "", true, 8);
    reports.put("b-1", GoneReport.of(server(1), "agent", now, "process ended"));
    see(new ServiceListing(List.of(dead, silent, Fleets.seen(2), Fleets.seen(3))));
    assertThat(ended()).isEmpty();
    assertThat(member(fleet, 9)).isPresent();
    // To vanish is not to have ended, whoever is listed there besides.
    see(new ServiceListing(List.of(dead, Fleets.seen(2), Fleets.seen(3))));
    assertThat(presence(fleet, 9)).isEqualTo(Presence.VANISHED);
    assertThat(ended()).isEmpty();
    now = now.plus(FleetSettings.DEFAULTS.linger());
    fleet = keeper.aged(fleet, now);
    see(new ServiceListing(List.of(dead, Fleets.seen(2), Fleets.seen(3))));
    assertThat(ended()).containsExactly("b-1");
  }

  @Test
  void of_two_of_one_id_the_one_that_has_not_ended_has_the_entries_whatever_came_last() {
    Server back = new Server("b-1", "bolina", "10.0.1.1", 7000, "", Map.of());
    ServiceListing both =
        new ServiceListing(List.of(passing(server(1)), passing(back), Fleets.seen(2)));
    Map<String, LoadReport> loads = Map.of("b-1", LoadReport.of(0.5));
    Map<String, DrainOrder> orders = Map.of("b-1", new DrainOrder("ann", T0, "", Map.of()));
    reports.put("b-1", GoneReport.of(server(1), "agent", now, "process ended"));
    Fleet listedLast = keeper.withListing(fleet, both, loads, orders, reports, now);
    assertThat(listedLast.members())
        .filteredOn(Member::draining)
        .extracting(Member::server)
        .containsExactly(back);
    assertThat(keeper.withLoads(listedLast, loads)).isEqualTo(listedLast);
    assertThat(keeper.withDrainOrders(listedLast, orders, now)).isEqualTo(listedLast);
    assertThat(keeper.withListing(listedLast, both, loads, orders, reports, now))
        .isEqualTo(listedLast);
    assertThat(FleetKeeper.duplicateIds(listedLast)).isEmpty();
  }
}
