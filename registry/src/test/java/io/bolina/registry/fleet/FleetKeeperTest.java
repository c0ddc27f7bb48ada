package io.bolina.registry.fleet;

import static io.bolina.registry.fleet.Fleets.listing;
import static io.bolina.registry.fleet.Fleets.member;
import static io.bolina.registry.fleet.Fleets.presence;
import static io.bolina.registry.fleet.Fleets.seen;
import static io.bolina.registry.model.Presence.GONE;
import static io.bolina.registry.model.Presence.HELD;
import static io.bolina.registry.model.Presence.LISTED;
import static io.bolina.registry.model.Presence.NODE_LOST;
import static io.bolina.registry.model.Presence.VANISHED;
import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class FleetKeeperTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final Map<String, LoadReport> NO_LOADS = Map.of();

  private final FleetKeeper keeper = new FleetKeeper(FleetSettings.DEFAULTS);
  private Instant now = T0;
  private Fleet fleet = Fleet.unknown("bolina");

  private void see(ServiceListing listing) {
    fleet = keeper.withListing(fleet, listing, NO_LOADS, Map.of(), Map.of(), now);
  }

  private void pass(Duration time) {
    now = now.plus(time);
    fleet = keeper.aged(fleet, now);
  }

  @Test
  void a_vanished_server_is_kept_for_the_linger_time() {
    see(listing(1, 2, 3));
    see(listing(1, 2));
    assertThat(presence(fleet, 3)).isEqualTo(VANISHED);
    assertThat(fleet.protection().inForce()).isFalse();
    assertThat(keeper.nextChange(fleet)).contains(T0.plus(Duration.ofMinutes(10)));
    pass(Duration.ofMinutes(10).minusMillis(1));
    assertThat(presence(fleet, 3)).isEqualTo(VANISHED);
    pass(Duration.ofMillis(1));
    assertThat(presence(fleet, 3)).isNull();
  }

  @Test
  void lingering_does_not_begin_anew_with_every_sighting() {
    see(listing(1, 2, 3));
    see(listing(1, 2));
    pass(Duration.ofMinutes(9));
    see(listing(1, 2));
    pass(Duration.ofMinutes(1));
    assertThat(presence(fleet, 3)).isNull();
  }

  @Test
  void a_server_that_is_listed_again_is_as_before() {
    see(listing(1, 2, 3));
    see(listing(1, 2));
    see(listing(1, 2, 3));
    assertThat(member(fleet, 3))
        .contains(
            member(
                    keeper.withListing(
                        Fleet.unknown("bolina"), listing(3), NO_LOADS, Map.of(), Map.of(), now),
                    3)
                .orElseThrow());
  }

  @Test
  void half_of_a_fleet_may_vanish_more_is_not_believed() {
    see(listing(1, 2, 3, 4));
    see(listing(1, 2));
    assertThat(presence(fleet, 3)).isEqualTo(VANISHED);

    fleet = Fleet.unknown("bolina");
    see(listing(1, 2, 3, 4));
    see(listing(1));
    assertThat(fleet.protection().inForce()).isTrue();
    assertThat(fleet.protection().reason()).contains("3 of 4");
    assertThat(presence(fleet, 1)).isEqualTo(LISTED);
    assertThat(presence(fleet, 4)).isEqualTo(HELD);
  }

  @Test
  void new_servers_count_the_first_time_they_are_listed() {
    see(listing(1, 2, 3, 4));
    see(listing(5, 6, 7));
    assertThat(fleet.protection().inForce()).isTrue();
    Fleet once = fleet;
    see(listing(5, 6, 7));
    assertThat(fleet).isEqualTo(once);

    see(listing(5, 6, 7, 8));
    assertThat(fleet.protection().inForce()).isFalse();
    assertThat(presence(fleet, 1)).isEqualTo(VANISHED);
  }

  @Test
  void an_empty_answer_holds_the_whole_fleet_until_half_of_it_is_back() {
    see(listing(1, 2, 3, 4));
    see(listing());
    assertThat(fleet.members()).hasSize(4).allMatch(m -> m.presence() == HELD);
    see(listing(1));
    assertThat(fleet.protection().inForce()).isTrue();
    see(listing(1, 2));
    assertThat(fleet.protection().inForce()).isFalse();
    assertThat(presence(fleet, 3)).isEqualTo(VANISHED);
  }

  @Test
  void the_registry_is_believed_when_the_hold_limit_is_over() {
    see(listing(1, 2, 3));
    see(listing());
    pass(Duration.ofMinutes(29));
    see(listing());
    assertThat(presence(fleet, 1)).isEqualTo(HELD);
    pass(Duration.ofMinutes(1));
    assertThat(fleet.protection().inForce()).isFalse();
    assertThat(presence(fleet, 1)).isEqualTo(VANISHED);
    pass(Duration.ofMinutes(10));
    assertThat(fleet.members()).isEmpty();
  }

  @Test
  void servers_that_were_draining_may_all_leave() {
    see(
        new ServiceListing(
            List.of(seen(1), Fleets.draining(2), Fleets.draining(3), Fleets.draining(4))));
    see(listing(1));
    assertThat(fleet.protection().inForce()).isFalse();
    assertThat(presence(fleet, 2)).isEqualTo(VANISHED);
  }

  @Test
  void the_last_server_of_a_fleet_is_held() {
    see(listing(1));
    see(listing());
    assertThat(presence(fleet, 1)).isEqualTo(HELD);
  }

  @Test
  void a_lost_machine_is_given_up_after_a_while_and_forgiven_when_it_is_back() {
    see(listing(1, 2));
    see(new ServiceListing(List.of(seen(1), Fleets.onLostNode(2))));
    assertThat(presence(fleet, 2)).isEqualTo(NODE_LOST);
    assertThat(keeper.nextChange(fleet)).contains(T0.plusSeconds(30));
    pass(Duration.ofSeconds(29));
    see(new ServiceListing(List.of(seen(1), Fleets.onLostNode(2))));
    assertThat(presence(fleet, 2)).isEqualTo(NODE_LOST);
    pass(Duration.ofSeconds(1));
    assertThat(presence(fleet, 2)).isEqualTo(GONE);
    see(new ServiceListing(List.of(seen(1), Fleets.onLostNode(2))));
    assertThat(presence(fleet, 2)).isEqualTo(GONE);
    see(listing(1, 2));
    assertThat(presence(fleet, 2)).isEqualTo(LISTED);
  }

  @Test
  void if_every_machine_is_lost_none_is_given_up() {
    see(listing(1, 2));
    see(new ServiceListing(List.of(Fleets.onLostNode(1), Fleets.onLostNode(2))));
    pass(Duration.ofHours(1));
    assertThat(fleet.members()).allMatch(m -> m.presence() == NODE_LOST);
    assertThat(keeper.nextChange(fleet)).isEmpty();
  }

  @Test
  void a_machine_that_was_given_up_and_is_no_longer_listed_is_forgotten() {
    see(listing(1, 2));
    see(new ServiceListing(List.of(seen(1), Fleets.onLostNode(2))));
    pass(Duration.ofSeconds(30));
    see(listing(1));
    assertThat(presence(fleet, 2)).isNull();
  }

  @Test
  void of_two_registrations_of_an_endpoint_the_worse_decides_but_a_lost_machine_does_not() {
    Server same = new Server("b-9", "bolina", "10.0.0.1", 7000, "", Map.of());
    see(
        new ServiceListing(
            List.of(
                seen(1), new ServiceListing.Instance(same, Health.CRITICAL, false, false, ""))));
    assertThat(fleet.members()).hasSize(1);
    assertThat(fleet.members().get(0).health()).isEqualTo(Health.CRITICAL);
    see(
        new ServiceListing(
            List.of(seen(1), new ServiceListing.Instance(same, Health.CRITICAL, false, true, ""))));
    assertThat(fleet.members()).hasSize(1);
    assertThat(fleet.members().get(0).health()).isEqualTo(Health.PASSING);
  }

  @Test
  void a_server_that_is_not_listed_keeps_its_last_load() {
    Map<String, LoadReport> loads = Map.of("b-3", LoadReport.of(0.7));
    fleet = keeper.withListing(fleet, listing(1, 2, 3), loads, Map.of(), Map.of(), now);
    fleet = keeper.withListing(fleet, listing(1, 2), NO_LOADS, Map.of(), Map.of(), now);
    fleet = keeper.withLoads(fleet, NO_LOADS);
    assertThat(member(fleet, 3).orElseThrow().load()).isEqualTo(Optional.of(LoadReport.of(0.7)));
  }

  private static ServiceListing listingWith(Set<String> unusable, int... servers) {
    return new ServiceListing(listing(servers).instances(), unusable);
  }

  @Test
  void a_server_whose_entry_cannot_be_used_is_closed_and_kept_for_as_long_as_it_is_listed() {
    see(listing(1, 2, 3));
    see(listingWith(Set.of("b-3", "never-seen"), 1, 2));
    pass(Duration.ofDays(1));
    assertThat(fleet.members()).hasSize(3);
    assertThat(presence(fleet, 3)).isEqualTo(LISTED);
    assertThat(member(fleet, 3).orElseThrow().health()).isEqualTo(Health.CRITICAL);
    assertThat(fleet.protection().inForce()).isFalse();
    see(listing(1, 2, 3));
    assertThat(member(fleet, 3).orElseThrow().health()).isEqualTo(Health.PASSING);
    see(listingWith(Set.of("b-3"), 1, 2));
    see(listing(1, 2));
    assertThat(presence(fleet, 3)).isEqualTo(VANISHED);
  }

  @Test
  void if_most_entries_cannot_be_used_that_is_taken_for_a_registry_fault() {
    see(listing(1, 2, 3));
    see(listingWith(Set.of("b-2", "b-3"), 1));
    assertThat(presence(fleet, 3)).isEqualTo(HELD);
    assertThat(member(fleet, 3).orElseThrow().health()).isEqualTo(Health.PASSING);
  }

  @Test
  void a_lost_machine_is_given_up_though_its_entry_cannot_be_used() {
    see(new ServiceListing(List.of(seen(1), seen(2), Fleets.onLostNode(3))));
    see(listingWith(Set.of("b-3"), 1, 2));
    pass(Duration.ofSeconds(30));
    assertThat(presence(fleet, 3)).isEqualTo(GONE);
  }

  @Test
  void of_one_server_under_two_spellings_of_its_address_the_worst_word_counts() {
    Server alias = new Server("b-9", "bolina", "::ffff:10.0.0.1", 7000, "", Map.of());
    ServiceListing.Instance later =
        new ServiceListing.Instance(alias, Health.PASSING, false, false, "", false, 9, true);
    ServiceListing.Instance ill =
        new ServiceListing.Instance(
            seen(1).server(), Health.CRITICAL, false, false, "ill", false, 8);
    for (List<ServiceListing.Instance> order : List.of(List.of(later, ill), List.of(ill, later))) {
      see(new ServiceListing(order));
      assertThat(fleet.members()).hasSize(1);
      assertThat(fleet.members().get(0).health()).isEqualTo(Health.CRITICAL);
      assertThat(fleet.members().get(0).note()).isEqualTo("ill");
    }
    // A ghost's word does not count.
    ServiceListing.Instance ghost =
        new ServiceListing.Instance(
            seen(1).server(), Health.CRITICAL, false, false, "TTL expired", true, 8);
    see(new ServiceListing(List.of(later, ghost)));
    assertThat(fleet.members().get(0).health()).isEqualTo(Health.PASSING);
  }
}
