package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.agent.probe.LifeSign;
import io.bolina.registry.Registrar;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.WeightSteps;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class AgentStateTest {
  private static final Instant T0 = Instant.parse("2026-01-01T00:00:00Z");
  private static final ReportDeadlines DEADLINES =
      AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of())).deadlines();
  private static final Registrar.Registration OPEN = Registrar.Registration.of(true, false);
  private static final Registrar.Registration MAINTENANCE = Registrar.Registration.of(true, true);
  private static final Registrar.Registration FORGOTTEN = Registrar.Registration.of(false, false);
  private static final AgentConfig CONFIG =
      AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()));

  private static Instant at(double seconds) {
    return T0.plusMillis((long) (seconds * 1000));
  }

  private static StatusReport status(Health health, double load, long sessions) {
    return new StatusReport(health, health.toString(), Optional.of(LoadReport.of(load, sessions)));
  }

  private static final StatusReport WELL = status(Health.PASSING, 0.3, 5);
  private static final StatusReport DEAD = status(Health.CRITICAL, 0, 0);

  @Test
  void a_report_that_comes_while_a_probe_is_under_way_takes_precedence_over_its_result() {
    AgentState state = AgentState.startedAt(T0).probeBegun(at(1));
    state = state.reported(WELL, at(1)).probeEnded(Optional.of(DEAD), at(2));
    assertThat(state.latest().report()).contains(WELL);
    assertThat(state.latest().fromServer()).isTrue();
    assertThat(state.probe().running()).isFalse();
    // The next probe is another one: the server has been silent since.
    state = state.probeBegun(at(20)).probeEnded(Optional.of(DEAD), at(21));
    assertThat(state.latest().report()).contains(DEAD);
  }

  @Test
  void probes_run_every_two_seconds_one_at_a_time_while_the_server_does_not_report() {
    AgentState state = AgentState.startedAt(T0);
    assertThat(state.probeDue(DEADLINES, T0)).isTrue();
    state = state.probeBegun(T0);
    assertThat(state.probeDue(DEADLINES, at(60))).as("one is under way").isFalse();
    state = state.probeEnded(Optional.of(WELL), at(1));
    assertThat(state.probeDue(DEADLINES, at(1.9))).isFalse();
    assertThat(state.probeDue(DEADLINES, at(2))).isTrue();
    state = state.reported(WELL, at(3));
    assertThat(state.probeDue(DEADLINES, at(12.9))).as("it reports").isFalse();
    assertThat(state.probeDue(DEADLINES, at(13))).isTrue();
  }

  @Test
  void a_probe_that_says_nothing_changes_nothing() {
    AgentState state = AgentState.startedAt(T0).probeBegun(at(1));
    assertThat(state.probeEnded(Optional.empty(), at(2)).latest()).isEqualTo(state.latest());
  }

  @Test
  void a_first_report_that_does_not_come_is_noticed_once() {
    AgentState state = AgentState.startedAt(T0);
    assertThat(state.firstReportAwaited(DEADLINES, at(9.9))).isSameAs(state);
    AgentState missed = state.firstReportAwaited(DEADLINES, at(10));
    assertThat(missed.latest().missed()).isTrue();
    assertThat(missed.firstReportAwaited(DEADLINES, at(11))).isSameAs(missed);
    AgentState reported = state.reported(WELL, at(1));
    assertThat(reported.firstReportAwaited(DEADLINES, at(60))).isSameAs(reported);
  }

  @Test
  void a_server_that_is_critical_at_the_start_may_take_longer_for_its_first_report() {
    ReportDeadlines together =
        new ReportDeadlines(Duration.ofSeconds(10), Duration.ofSeconds(30), Health.CRITICAL);
    AgentState state = AgentState.startedAt(T0);
    assertThat(state.firstReportAwaited(together, at(29)).latest().missed()).isFalse();
    assertThat(state.firstReportAwaited(together, at(30)).latest().missed()).isTrue();
  }

  @Test
  void only_a_change_of_health_or_of_overload_is_urgent() {
    AgentState start = AgentState.startedAt(T0);
    AgentState first = start.reported(WELL, at(1));
    assertThat(first.isUrgentAfter(start, CONFIG)).isTrue();
    assertThat(first.reported(status(Health.PASSING, 0.8, 90), at(2)).isUrgentAfter(first, CONFIG))
        .isFalse();
    assertThat(first.reported(DEAD, at(2)).isUrgentAfter(first, CONFIG)).isTrue();
    AgentState full = first.reported(status(Health.PASSING, 0.86, 9), at(2));
    assertThat(full.isUrgentAfter(first, CONFIG)).isFalse();
    AgentConfig other = CONFIG.withThresholds(new LoadThresholds(0.85, WeightSteps.DEFAULT));
    assertThat(full.isUrgentAfter(first, other)).isTrue();
    assertThat(first.reported(WELL, at(3)).isUrgentAfter(full, other)).isTrue();
    assertThat(full.health(other, "", at(2)))
        .isEqualTo(new ServerHealth(Health.WARNING, "overloaded: load 0.86 is at or above 0.85"));
    assertThat(full.health(CONFIG, "", at(2)).health()).isEqualTo(Health.PASSING);
  }

  @Test
  void maintenance_mode_begins_a_drain_and_cancels_only_what_it_began() {
    AgentState open = AgentState.startedAt(T0).reported(WELL, T0);
    AgentState drained = open.seenInRegistry(MAINTENANCE, at(1));
    assertThat(drained.isDraining()).isTrue();
    assertThat(drained.seenInRegistry(FORGOTTEN, at(2)).isDraining()).isTrue();
    assertThat(drained.seenInRegistry(OPEN, at(2)).isDraining()).isFalse();
    AgentState requested = open.drainRequested(at(1)).seenInRegistry(MAINTENANCE, at(2));
    assertThat(requested.seenInRegistry(OPEN, at(3)).isDraining()).isTrue();
  }

  @Test
  void only_a_second_request_that_may_hurry_hurries() {
    AgentState draining = AgentState.startedAt(T0).reported(WELL, T0).drainRequested(at(1));
    assertThat(draining.drainRequested(at(2))).isEqualTo(draining);
    assertThat(draining.progress(CONFIG, at(2)).over()).isFalse();
    assertThat(draining.drainRequestedAgain(at(2)).progress(CONFIG, at(2)).over()).isTrue();
    AgentState first = AgentState.startedAt(T0).reported(WELL, T0).drainRequestedAgain(at(1));
    assertThat(first.progress(CONFIG, at(2)).over()).isFalse();
  }

  @Test
  void a_drain_that_is_over_waits_fifteen_seconds_for_the_registry_and_hurried_not_at_all() {
    AgentState over = AgentState.startedAt(T0).drainRequested(T0).reported(DEAD, at(1));
    AgentState failed = over.syncFailed("down", false, CONFIG, at(2));
    assertThat(failed.registry().end()).isEmpty();
    assertThat(failed.syncFailed("down", false, CONFIG, at(16.9)).registry().end()).isEmpty();
    assertThat(failed.syncFailed("down", false, CONFIG, at(17)).registry().end())
        .contains(AgentState.AgentEnd.NOT_DEREGISTERED);
    assertThat(
            failed.drainRequestedAgain(at(3)).syncFailed("down", false, CONFIG, at(3)).registry())
        .returns(Optional.of(AgentState.AgentEnd.NOT_DEREGISTERED), AgentState.RegistryState::end);
    AgentState busy = AgentState.startedAt(T0).drainRequested(T0).reported(WELL, at(1));
    assertThat(busy.syncFailed("down", false, CONFIG, at(100)).registry().end()).isEmpty();
  }

  /** Else a server that stops reporting would be in warning until its first probe has ended. */
  @Test
  void a_probe_that_takes_over_from_reports_is_waited_for_though_not_long() {
    AgentState reporting = AgentState.startedAt(T0).reported(WELL, T0);
    AgentState overdue = reporting.probeBegun(at(10)).syncRequested();
    assertThat(overdue.canSync(at(10))).isFalse();
    assertThat(overdue.canSync(at(12.9))).isFalse();
    assertThat(overdue.canSync(at(13))).as("the probe hangs").isTrue();
    assertThat(overdue.probeEnded(Optional.of(DEAD), at(11)).canSync(at(11))).isTrue();
    assertThat(overdue.reported(WELL, at(11)).canSync(at(11))).as("it reports again").isTrue();
    assertThat(overdue.drainRequested(at(11)).canSync(at(11))).as("draining").isTrue();
    AgentState probed = overdue.probeEnded(Optional.of(WELL), at(11));
    assertThat(probed.probeBegun(at(13)).syncRequested().canSync(at(13)))
        .as("the probe before it has its say")
        .isTrue();
  }

  @Test
  void one_synchronization_at_a_time_and_none_is_forgotten() {
    AgentState due = AgentState.startedAt(T0).syncRequested();
    assertThat(due.canSync(T0)).isTrue();
    AgentState begun = due.syncBegun();
    assertThat(begun.canSync(T0)).isFalse();
    AgentState again = begun.syncRequested();
    assertThat(again.canSync(T0)).isFalse();
    assertThat(again.syncSucceeded(true, false).canSync(T0)).isTrue();
    assertThat(again.syncFailed("down", false, CONFIG, T0).canSync(T0)).isTrue();
    assertThat(begun.syncSucceeded(true, false).canSync(T0)).isFalse();
    assertThat(again.syncSucceeded(true, true).canSync(T0)).as("deregistered").isFalse();
  }

  @Test
  void the_first_registration_waits_for_the_first_probe_though_not_for_one_that_hangs() {
    AgentState probing = AgentState.startedAt(T0).probeBegun(T0).syncRequested();
    assertThat(probing.canSync(at(2.9))).isFalse();
    assertThat(probing.canSync(at(3))).isTrue();
    assertThat(probing.probeEnded(Optional.of(DEAD), at(1)).canSync(at(1))).isTrue();
    assertThat(probing.reported(WELL, at(1)).canSync(at(1))).isTrue();
  }

  @Test
  void what_was_open_once_stays_so() {
    AgentState open = AgentState.startedAt(T0).syncSucceeded(true, false);
    assertThat(open.syncFailed("down", false, CONFIG, at(1)).registry())
        .returns(true, AgentState.RegistryState::wasOpen)
        .returns(Optional.of("down"), AgentState.RegistryState::problem);
    assertThat(open.syncFailed("down", true, CONFIG, at(1)).syncSucceeded(true, false).registry())
        .returns(Optional.empty(), AgentState.RegistryState::problem);
  }

  private static AgentState reporting(double every, int times) {
    AgentState state = AgentState.startedAt(T0);
    for (int i = 0; i < times; i++) {
      state = state.reported(WELL, at(i * every));
    }
    return state;
  }

  private static Health healthAfter(AgentState state, double silence) {
    return state
        .health(CONFIG, "", state.latest().at().plus(Duration.ofMillis((long) (silence * 1000))))
        .health();
  }

  @Test
  void a_server_that_reports_every_second_is_not_trusted_for_thirty() {
    AgentState often = reporting(1, 12);
    assertThat(healthAfter(often, 2.4)).isEqualTo(Health.PASSING);
    assertThat(healthAfter(often, 2.5)).isEqualTo(Health.WARNING);
    assertThat(healthAfter(often, 4)).isEqualTo(Health.CRITICAL);
    assertThat(healthAfter(often.reported(WELL, at(60)), 0)).isEqualTo(Health.PASSING);
    AgentState veryOften = reporting(0.1, 150);
    assertThat(healthAfter(veryOften, 1.9)).isEqualTo(Health.PASSING);
    assertThat(healthAfter(veryOften, 2.9)).isEqualTo(Health.WARNING);
    assertThat(healthAfter(veryOften, 3)).isEqualTo(Health.CRITICAL);
  }

  @Test
  void one_that_reports_seldom_or_now_and_then_or_has_just_begun_is_trusted_as_ever() {
    AgentState seldom = reporting(9, 10);
    assertThat(healthAfter(seldom, 9.9)).isEqualTo(Health.PASSING);
    assertThat(healthAfter(seldom, 29.9)).isEqualTo(Health.WARNING);
    assertThat(healthAfter(seldom, 30)).isEqualTo(Health.CRITICAL);
    AgentState sometimes = reporting(1, 10);
    for (double t = 17; t < 27; t += 0.5) {
      sometimes = sometimes.reported(WELL, at(t));
    }
    assertThat(healthAfter(sometimes, 9.9)).isEqualTo(Health.PASSING);
    assertThat(healthAfter(reporting(1, 10), 9.9)).as("nine seconds").isEqualTo(Health.PASSING);
    assertThat(healthAfter(reporting(4, 5), 9.9)).as("four intervals").isEqualTo(Health.PASSING);
    assertThat(healthAfter(reporting(0.01, 500), 9.9)).as("a burst").isEqualTo(Health.PASSING);
    AgentState restarted = AgentState.startedAt(T0);
    assertThat(healthAfter(restarted, 9.9)).as("an agent's start").isEqualTo(Health.PASSING);
  }

  @Test
  void a_silent_server_that_fails_its_first_probe_as_well_is_critical() {
    StatusReport failed = new StatusReport(Health.WARNING, "no answer", Optional.empty());
    AgentState silent = reporting(1, 12);
    assertThat(silent.probeDue(DEADLINES, at(11 + 2.4))).isFalse();
    assertThat(silent.probeDue(DEADLINES, at(11 + 2.5))).isTrue();
    AgentState probed = silent.probeBegun(at(14)).probeEnded(Optional.of(failed), at(15));
    assertThat(probed.health(CONFIG, "", at(15)))
        .isEqualTo(new ServerHealth(Health.CRITICAL, "it no longer reports, and no answer"));
    AgentState never =
        AgentState.startedAt(T0).probeBegun(at(1)).probeEnded(Optional.of(failed), at(2));
    assertThat(never.health(CONFIG, "", at(2)).health()).isEqualTo(Health.WARNING);
  }

  @Test
  void a_drain_waits_for_no_server_that_ended_or_never_had_a_client() {
    AgentState busy = AgentState.startedAt(T0).reported(WELL, T0);
    AgentState old = busy.seenInRegistry(OPEN, at(1)).drainRequested(at(1));
    assertThat(old.progress(CONFIG, at(2)).over()).isFalse();
    AgentState ended = old.saidGoodbye("bye", at(2));
    assertThat(ended.progress(CONFIG, at(2))).isEqualTo(new DrainPolicy.DrainProgress(true, "bye"));
    AgentState fresh = busy.seenInRegistry(FORGOTTEN, at(1)).drainRequested(at(1));
    assertThat(fresh.progress(CONFIG, at(2)).over()).as("it was never open").isTrue();
    assertThat(fresh.syncSucceeded(true, false).progress(CONFIG, at(2)).over()).isFalse();
    assertThat(busy.drainRequested(at(1)).progress(CONFIG, at(2)).over())
        .as("the registry has not answered yet")
        .isFalse();
  }

  @Test
  void a_drain_waits_for_nobody_of_whom_nothing_was_ever_seen() {
    AgentState nothing = AgentState.startedAt(T0).drainRequested(at(1));
    assertThat(nothing.progress(CONFIG, at(30)).over()).as("it may report yet").isFalse();
    assertThat(nothing.progress(CONFIG, at(31)))
        .isEqualTo(new DrainPolicy.DrainProgress(true, "nothing was seen of it for 30 s"));
    StatusReport failed = new StatusReport(Health.CRITICAL, "refused", Optional.empty());
    AgentState probed = nothing.probeBegun(at(2)).probeEnded(Optional.of(failed), at(3));
    assertThat(probed.progress(CONFIG, at(31)).over()).isTrue();
    assertThat(nothing.reported(WELL, at(2)).progress(CONFIG, at(99)).over()).isFalse();
    assertThat(nothing.looked(process("1"), at(2)).progress(CONFIG, at(99)).over()).isFalse();
    assertThat(nothing.seenInRegistry(MAINTENANCE, at(2)).progress(CONFIG, at(99)).over())
        .as("registered before the agent: it may have clients")
        .isFalse();
  }

  @Test
  void a_restarted_server_is_closed_until_something_good_is_known_of_it() {
    StatusReport failed = new StatusReport(Health.WARNING, "no answer", Optional.empty());
    AgentState first = AgentState.startedAt(T0).looked(process("1"), at(0)).reported(WELL, at(1));
    AgentState restarted = first.looked(process("2"), at(2));
    assertThat(restarted.isUrgentAfter(first, CONFIG)).isTrue();
    assertThat(restarted.health(CONFIG, "", at(2)).health()).isEqualTo(Health.CRITICAL);
    AgentState probed = restarted.probeBegun(at(2)).probeEnded(Optional.of(failed), at(3));
    assertThat(probed.health(CONFIG, "", at(3)).health()).isEqualTo(Health.CRITICAL);
    AgentState well = probed.probeBegun(at(4)).probeEnded(Optional.of(WELL), at(5));
    assertThat(well.health(CONFIG, "", at(5)).health()).isEqualTo(Health.PASSING);
    AgentState later = well.probeBegun(at(6)).probeEnded(Optional.of(failed), at(7));
    assertThat(later.health(CONFIG, "", at(7)).health()).isEqualTo(Health.WARNING);
    assertThat(restarted.reported(WELL, at(3)).health(CONFIG, "", at(3)).health())
        .isEqualTo(Health.PASSING);
  }

  private static List<Optional<LifeSign>> process(String subject) {
    return List.of(Optional.of(new LifeSign(LifeSign.Sight.RUNNING, subject, "it runs")));
  }

  @Test
  void what_ended_is_said_of_a_server_that_may_have_clients_and_it_waits_for_no_probe() {
    AgentState fresh = AgentState.startedAt(T0).seenInRegistry(FORGOTTEN, T0);
    AgentState ended = fresh.saidGoodbye("bye", at(1));
    assertThat(ended.life().gone()).as("its own word").isPresent();
    AgentState open = fresh.syncSucceeded(true, false);
    assertThat(open.life().served()).isTrue();
    assertThat(AgentState.startedAt(T0).seenInRegistry(OPEN, T0).life().served()).isTrue();
    AgentState probing = open.reported(WELL, at(1)).probeBegun(at(20)).saidGoodbye("bye", at(21));
    assertThat(probing.syncRequested().canSync(at(21))).isTrue();
    assertThat(probing.isUrgentAfter(open, CONFIG)).isTrue();
    assertThat(probing.health(CONFIG, "", at(21)))
        .isEqualTo(new ServerHealth(Health.CRITICAL, "bye"));
  }

  enum Event {
    REPORT,
    PROBE_BEGINS,
    PROBE_FINDS_IT_DEAD,
    DRAIN,
    DRAIN_AGAIN,
    MAINTENANCE_ON,
    MAINTENANCE_OFF,
    SYNC_REQUESTED,
    SYNC_BEGINS,
    SYNC_FAILS,
    SYNC_SUCCEEDS
  }

  @Provide
  Arbitrary<List<Event>> events() {
    return Arbitraries.of(Event.class).list().ofMaxSize(40);
  }

  /** Whatever happens in whatever order, what the server last said outlives older probes. */
  @Property
  void no_probe_begun_before_the_last_report_is_believed(@ForAll("events") List<Event> events) {
    AgentState state = AgentState.startedAt(T0);
    boolean reportIsNewest = false;
    boolean begunSinceReport = false;
    Instant now = T0;
    for (Event event : events) {
      now = now.plusMillis(500);
      if (event == Event.PROBE_BEGINS && state.probe().running()) {
        continue;
      }
      if (event == Event.PROBE_FINDS_IT_DEAD && !state.probe().running()) {
        continue;
      }
      state = after(state, event, now);
      if (event == Event.REPORT) {
        reportIsNewest = true;
        begunSinceReport = false;
      } else if (event == Event.PROBE_BEGINS) {
        begunSinceReport = true;
      } else if (event == Event.PROBE_FINDS_IT_DEAD && begunSinceReport) {
        reportIsNewest = false;
      }
      assertThat(state.latest().fromServer()).isEqualTo(reportIsNewest);
      assertThat(state.latest().at()).isBeforeOrEqualTo(now);
      assertThat(state.isDraining()).isEqualTo(state.drain().since().isPresent());
      assertThat(state.drain().byMaintenance() || state.drain().hurried())
          .as("of no drain")
          .isIn(state.isDraining(), false);
    }
  }

  private static AgentState after(AgentState state, Event event, Instant now) {
    return switch (event) {
      case REPORT -> state.reported(WELL, now);
      case PROBE_BEGINS -> state.probeBegun(now);
      case PROBE_FINDS_IT_DEAD -> state.probeEnded(Optional.of(DEAD), now);
      case DRAIN -> state.drainRequested(now);
      case DRAIN_AGAIN -> state.drainRequestedAgain(now);
      case MAINTENANCE_ON -> state.seenInRegistry(MAINTENANCE, now);
      case MAINTENANCE_OFF -> state.seenInRegistry(OPEN, now);
      case SYNC_REQUESTED -> state.syncRequested();
      case SYNC_BEGINS -> state.syncBegun();
      case SYNC_FAILS -> state.syncFailed("down", false, CONFIG, now);
      case SYNC_SUCCEEDS -> state.syncSucceeded(true, false);
    };
  }
}
