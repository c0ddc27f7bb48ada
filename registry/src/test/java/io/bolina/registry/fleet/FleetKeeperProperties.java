package io.bolina.registry.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.ServiceListing;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.arbitraries.SetArbitrary;

/** What holds for any history of listings. */
class FleetKeeperProperties {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final int SERVERS = 6;

  /** At one moment: seconds since the last one, the servers listed, those draining, those lost. */
  record Step(int seconds, Set<Integer> listed, Set<Integer> draining, Set<Integer> lost) {
    ServiceListing listing() {
      List<ServiceListing.Instance> seen = new ArrayList<>();
      for (int n : listed) {
        seen.add(
            new ServiceListing.Instance(
                Fleets.server(n), Health.PASSING, draining.contains(n), lost.contains(n), ""));
      }
      return new ServiceListing(seen);
    }
  }

  @Provide
  Arbitrary<List<Step>> histories() {
    SetArbitrary<Integer> servers = Arbitraries.integers().between(1, SERVERS).set();
    return Combinators.combine(
            Arbitraries.integers().between(0, 400),
            servers,
            servers.ofMaxSize(2),
            servers.ofMaxSize(2))
        .as(Step::new)
        .list()
        .ofMinSize(1)
        .ofMaxSize(25);
  }

  @Property
  void a_server_is_never_taken_away_before_its_time(@ForAll("histories") List<Step> history) {
    FleetSettings settings = FleetSettings.DEFAULTS;
    FleetKeeper keeper = new FleetKeeper(settings);
    Fleet fleet = Fleet.unknown("bolina");
    Map<String, Instant> lastListed = new HashMap<>();
    Set<String> everLost = new HashSet<>();
    Instant now = T0;
    for (Step step : history) {
      now = now.plusSeconds(step.seconds());
      fleet =
          keeper.withListing(
              keeper.aged(fleet, now), step.listing(), Map.of(), Map.of(), Map.of(), now);
      for (ServiceListing.Instance seen : step.listing().instances()) {
        lastListed.put(seen.server().id(), now);
      }
      Set<String> known = new HashSet<>();
      fleet.members().forEach(m -> known.add(m.server().id()));
      Instant at = now;
      // A server whose machine was lost may be given up.
      step.lost().forEach(n -> everLost.add("b-" + n));
      lastListed.forEach(
          (id, when) -> {
            if (Duration.between(when, at).compareTo(settings.linger()) < 0
                && !everLost.contains(id)) {
              assertThat(known).contains(id);
            }
          });
      assertThat(known)
          .containsAll(step.listing().instances().stream().map(s -> s.server().id()).toList());
    }
  }

  @Property
  void a_registry_that_lists_nothing_leaves_every_expected_server_in_its_state(
      @ForAll("histories") List<Step> history) {
    FleetKeeper keeper = new FleetKeeper(FleetSettings.DEFAULTS);
    Fleet fleet = Fleet.unknown("bolina");
    Instant now = T0;
    for (Step step : history) {
      now = now.plusSeconds(step.seconds());
      fleet =
          keeper.withListing(
              keeper.aged(fleet, now), step.listing(), Map.of(), Map.of(), Map.of(), now);
    }
    Fleet before = fleet;
    Fleet after =
        keeper.withListing(
            before, new ServiceListing(List.of()), Map.of(), Map.of(), Map.of(), now);
    for (Member m : before.members()) {
      if (m.presence() == Presence.LISTED && !m.draining()) {
        assertThat(after.members())
            .anySatisfy(
                a -> {
                  assertThat(a.server()).isEqualTo(m.server());
                  assertThat(a.health()).isEqualTo(m.health());
                  assertThat(a.presence()).isEqualTo(Presence.HELD);
                });
      }
    }
  }

  @Property
  void the_order_in_which_a_registry_lists_servers_does_not_matter(
      @ForAll("histories") List<Step> history) {
    FleetKeeper keeper = new FleetKeeper(FleetSettings.DEFAULTS);
    Fleet one = Fleet.unknown("bolina");
    Fleet other = Fleet.unknown("bolina");
    Instant now = T0;
    for (Step step : history) {
      now = now.plusSeconds(step.seconds());
      List<ServiceListing.Instance> reversed = new ArrayList<>(step.listing().instances());
      Collections.reverse(reversed);
      one = keeper.withListing(one, step.listing(), Map.of(), Map.of(), Map.of(), now);
      other =
          keeper.withListing(
              other, new ServiceListing(reversed), Map.of(), Map.of(), Map.of(), now);
      assertThat(one).isEqualTo(other);
    }
  }

  /** The last answers, and in what order they come: what is answered before the listing, after. */
  record Answers(
      Step last,
      Set<Integer> ordered,
      Set<Integer> ended,
      List<Integer> before,
      List<Integer> after) {
    Map<String, DrainOrder> orders() {
      Map<String, DrainOrder> orders = new HashMap<>();
      ordered.forEach(n -> orders.put("b-" + n, new DrainOrder("ann", T0, "", Map.of())));
      return orders;
    }

    Map<String, GoneReport> gone() {
      Map<String, GoneReport> gone = new HashMap<>();
      ended.forEach(
          n ->
              gone.put(
                  "b-" + n,
                  GoneReport.of(Fleets.server(n), "agent", T0.plusSeconds(40L * n), "ended")));
      return gone;
    }

    Map<String, LoadReport> loads() {
      Map<String, LoadReport> loads = new HashMap<>();
      last.listed().forEach(n -> loads.put("b-" + n, LoadReport.of(n / 10.0)));
      return loads;
    }

    Fleet listed(FleetKeeper keeper, Fleet fleet, Instant now) {
      return keeper.withListing(fleet, last.listing(), loads(), orders(), gone(), now);
    }

    Fleet arrive(FleetKeeper keeper, Fleet fleet, int which, Instant now) {
      return switch (which) {
        case 0 -> keeper.withLoads(fleet, loads());
        case 1 -> keeper.withDrainOrders(fleet, orders(), now);
        case 2 -> keeper.withGoneReports(fleet, gone(), now);
        default -> listed(keeper, fleet, now);
      };
    }
  }

  @Provide
  Arbitrary<Answers> answers() {
    SetArbitrary<Integer> servers = Arbitraries.integers().between(1, SERVERS).set();
    return Combinators.combine(
            Combinators.combine(servers, servers.ofMaxSize(2))
                .as((listed, draining) -> new Step(0, listed, draining, Set.of())),
            servers.ofMaxSize(2),
            servers,
            Arbitraries.of(1, 2).list().ofMaxSize(4),
            Arbitraries.integers().between(0, 3).list().ofMaxSize(6))
        .as(Answers::new);
  }

  /**
   * What came before the last answers is history that rightly matters: when a hold began, and who
   * vanished or was forgotten by then. So all fleets here start from one listing, and the last
   * listing is never decided about without the last orders and reports: a server that vanished
   * while others were in force is not held when they change.
   */
  @Property
  void the_last_answers_may_come_in_any_order_and_again(@ForAll("answers") Answers answers) {
    FleetKeeper keeper = new FleetKeeper(FleetSettings.DEFAULTS);
    Fleet start =
        keeper.withListing(
            Fleet.unknown("bolina"),
            Fleets.listing(1, 2, 3, 4, 5),
            Map.of(),
            Map.of(),
            Map.of(),
            T0);
    Instant now = T0.plusSeconds(5);
    Fleet atOnce = answers.listed(keeper, start, now);
    Fleet oneByOne = start;
    for (int which : answers.before()) {
      oneByOne = answers.arrive(keeper, oneByOne, which, now);
    }
    oneByOne = answers.listed(keeper, oneByOne, now);
    assertThat(oneByOne.members()).isEqualTo(atOnce.members());
    for (int which : answers.after()) {
      oneByOne = answers.arrive(keeper, oneByOne, which, now);
      assertThat(oneByOne.members()).isEqualTo(atOnce.members());
    }
  }
}
