package io.bolina.watcher.planning;

import static io.bolina.watcher.planning.PlannerScenario.T0;
import static io.bolina.watcher.planning.PlannerScenario.alarms;
import static io.bolina.watcher.planning.PlannerScenario.canceled;
import static io.bolina.watcher.planning.PlannerScenario.drained;
import static io.bolina.watcher.planning.PlannerScenario.evicted;
import static io.bolina.watcher.planning.PlannerScenario.scaledTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.Protection;
import io.bolina.registry.model.Source;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class PlannerTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final Duration WINDOW = Duration.ofMinutes(5);
  private static final Duration SETTLED = Duration.ofSeconds(30);

  private final PlannerScenario scene = new PlannerScenario();

  /** With a history in which as few pods as now were enough for the whole window. */
  private PlannerScenario patient() {
    scene.plan();
    return scene.later(WINDOW.plusSeconds(1));
  }

  @Nested
  class HowMany {
    @Test
    void as_many_as_bring_the_load_to_its_target() {
      assertThat(scene.pods(4, 0.85, 50).plan().desired()).isEqualTo(6); // 3.4 / 0.6
    }

    @Test
    void within_tolerance_nothing_changes() {
      assertThat(scene.pods(10, 0.65, 50).plan().desired()).isEqualTo(10);
      assertThat(new PlannerScenario().pods(10, 0.55, 50).plan().desired()).isEqualTo(10);
      assertThat(new PlannerScenario().pods(10, 0.67, 50).plan().desired()).isEqualTo(12);
    }

    @Test
    void overload_of_one_ends_the_tolerance_at_once() {
      Plan plan = scene.pods(10, 0.61, 50).load("p-1", 0.95, 300).plan();
      assertThat(plan.desired()).isEqualTo(11);
      assertThat(plan.reason()).contains("p-1 is overloaded");
    }

    @Test
    void if_only_overloaded_servers_are_open_there_is_one_more() {
      assertThat(scene.pods(1, 0.9, 50).machine("m", 0.1).plan().desired()).isEqualTo(1);
      PlannerScenario alone =
          new PlannerScenario()
              .with(WatchSettings.between(1, 9).with(WatchSettings.TARGET_LOAD, 0.89))
              .pods(1, 0.9, 50);
      assertThat(alone.plan().desired()).isEqualTo(2);
    }

    @Test
    void unusable_pods_are_compensated() {
      Plan plan = scene.pods(5, 0.6, 50).critical("p-1").maintenance("p-2").plan();
      assertThat(plan.desired())
          .isEqualTo(7); // the load of all is 3.0, so 5, and 2 that do not count
      assertThat(plan.reason()).contains("2 more for p-1 (critical), p-2 (draining)");
    }

    @Test
    void of_unhealthy_ones_no_more_than_a_quarter_is_compensated() {
      Plan plan = scene.pods(10, 0.6, 50).critical("p-1", "p-2", "p-3", "p-4").plan();
      assertThat(plan.desired()).isEqualTo(13); // 10 by load and 3 of 4
    }

    @Test
    void starting_pods_count_until_the_start_limit() {
      assertThat(scene.pods(4, 0.75, 50).starting("p-5", Duration.ofSeconds(30)).plan().desired())
          .isEqualTo(5);
      assertThat(
              new PlannerScenario()
                  .pods(4, 0.75, 50)
                  .starting("p-5", Duration.ofMinutes(3))
                  .plan()
                  .desired())
          .isEqualTo(6);
    }

    @Test
    void pods_that_do_not_exist_yet_count_as_starting() {
      Plan plan = scene.pods(4, 0.75, 50).replicas(5).plan();
      assertThat(plan.desired()).isEqualTo(5);
      assertThat(plan.steps()).isEmpty();

      PlannerScenario fewWouldDo = new PlannerScenario().pods(4, 0.65, 50).replicas(5);
      fewWouldDo.plan();
      assertThat(fewWouldDo.later(WINDOW.plusSeconds(1)).plan().steps()).isEmpty();
    }

    @Test
    void load_unknown_counts_as_on_target() {
      assertThat(scene.pods(3, 0.6, 5).loadUnknown("p-1").plan().desired()).isEqualTo(3);
    }

    @Test
    void servers_on_plain_machines_are_capacity() {
      assertThat(scene.pods(2, 0.9, 50).machine("m", 0.3).plan().desired()).isEqualTo(3);
    }

    @Test
    void spare_servers_come_on_top() {
      WatchSettings spare = WatchSettings.between(1, 20).with(WatchSettings.SPARE, 2);
      assertThat(scene.with(spare).pods(3, 0.6, 5).plan().desired()).isEqualTo(5);
    }

    @Test
    void never_more_than_max_and_that_is_an_alarm() {
      Plan plan = scene.with(WatchSettings.between(1, 5)).pods(4, 0.95, 50).plan();
      assertThat(plan.desired()).isEqualTo(5);
      assertThat(alarms(plan)).contains("at-max");
    }

    @Test
    void growth_has_a_rate() {
      Plan plan = scene.pods(2, 3.0, 500).plan(); // needs 10
      assertThat(scaledTo(plan)).isEqualTo(6);
      assertThat(plan.reason()).contains("scale-up limited to 4 or 100 % in 60 s");
      assertThat(scene.replicas(6).plan().desired()).isEqualTo(6);
      scene.later(MINUTE.plusSeconds(1));
      assertThat(scene.plan().desired()).isEqualTo(10);
    }

    @Test
    void growth_keeps_its_rate_over_a_fault_of_the_registry() {
      assertThat(scaledTo(scene.pods(2, 3.0, 500).plan())).isEqualTo(6);
      scene.replicas(6).registry(Source.NEVER_UPDATED.failing("refused"), Protection.NONE).plan();
      Source heard = Source.NEVER_UPDATED.updatedAt(T0.plus(Duration.ofHours(1)));
      assertThat(scene.registry(heard, Protection.NONE).plan().desired()).isEqualTo(6);
    }

    @Test
    void if_most_are_unhealthy_the_size_is_kept() {
      Plan plan = scene.pods(5, 0.6, 50).critical("p-1", "p-2", "p-3").plan();
      assertThat(plan.desired()).isEqualTo(5);
      assertThat(alarms(plan)).contains("most-unhealthy");
      assertThat(plan.steps()).isEmpty();
    }
  }

  @Nested
  class Shrinking {
    @Test
    void waits_until_fewer_were_enough_for_the_whole_window() {
      scene.pods(4, 0.2, 5).justBegun();
      assertThat(scene.plan().desired()).isEqualTo(4);
      scene.later(WINDOW.minusSeconds(1));
      assertThat(scene.plan().desired()).isEqualTo(4);
      scene.later(Duration.ofSeconds(2));
      assertThat(scene.plan().desired()).isEqualTo(3); // one a minute
    }

    @Test
    void a_peak_within_the_window_holds_it() {
      scene.pods(4, 0.2, 5).plan();
      scene.later(WINDOW.minusSeconds(10)).load("p-1", 1.5, 5).load("p-2", 0.6, 5);
      scene.plan();
      scene.later(Duration.ofSeconds(20)).load("p-1", 0.2, 5).load("p-2", 0.2, 5);
      assertThat(scene.plan().desired()).isEqualTo(4);
    }

    @Test
    void takes_the_fewest_sessions_first_and_waits_for_them() {
      scene.pods(3, 0.2, 50).load("p-2", 0.1, 3);
      Plan plan = patient().act();
      assertThat(drained(plan)).containsExactly("p-2");
      assertThat(scaledTo(plan)).isEqualTo(-1);
      assertThat(scene.later(MINUTE).load("p-2", 0, 0).act().desired()).isEqualTo(1);
      Plan done = scene.later(Duration.ofSeconds(1)).plan();
      assertThat(scaledTo(done)).isEqualTo(2);
    }

    @Test
    void does_not_believe_at_once_that_there_is_no_session() {
      scene.pods(2, 0.0, 0);
      patient().act();
      assertThat(scaledTo(scene.later(SETTLED.minusSeconds(1)).act())).isEqualTo(-1);
      scene.later(Duration.ofSeconds(1)).act(); // marks it
      assertThat(scaledTo(scene.act())).isEqualTo(1);
    }

    @Test
    void does_not_believe_what_the_registry_last_said_before_that() {
      scene.pods(2, 0.0, 0);
      patient().act();
      scene.loadsAsOf(Duration.ofSeconds(2)).later(SETTLED.plusSeconds(1)).act();
      assertThat(scaledTo(scene.act())).isEqualTo(-1);
      scene.loadsAsOf(Duration.ofSeconds(1)).act();
      assertThat(scaledTo(scene.act())).isEqualTo(1);
    }

    @Test
    void does_not_wait_longer_than_the_drain_time() {
      scene.pods(2, 0.1, 5);
      patient().act();
      assertThat(scaledTo(scene.later(Duration.ofMinutes(10).minusSeconds(1)).act())).isEqualTo(-1);
      scene.later(Duration.ofSeconds(1)).act();
      assertThat(scaledTo(scene.act())).isEqualTo(1);
    }

    @Test
    void a_server_that_vanished_from_the_registry_may_still_have_sessions() {
      scene.pods(3, 0.1, 0);
      String draining = drained(patient().act()).get(0);
      scene.vanished(draining);
      assertThat(scaledTo(scene.later(MINUTE).act())).isEqualTo(-1);
    }

    @Test
    void
        when_the_load_returns_the_draining_pod_with_the_most_sessions_is_reopened_and_none_added() {
      scene.with(fast()).pods(4, 0.2, 5).load("p-3", 0.15, 20).load("p-4", 0.2, 30);
      assertThat(drained(patient().act())).hasSize(2).contains("p-1", "p-2");
      scene.load("p-2", 0.2, 12).load("p-3", 0.6, 60).load("p-4", 0.65, 65);
      Plan plan = scene.later(Duration.ofSeconds(5)).plan();
      assertThat(canceled(plan)).containsExactly("p-2");
      assertThat(scaledTo(plan)).isEqualTo(-1);
    }

    @Test
    void a_pod_that_never_became_ready_goes_first_and_is_closed_in_advance() {
      scene.pods(3, 0.3, 10).starting("p-9", Duration.ofSeconds(5));
      assertThat(drained(patient().act())).containsExactly("p-9");
      scene.act(); // marks it
      assertThat(scaledTo(scene.act())).isEqualTo(3);
    }

    @Test
    void while_an_unready_pod_with_sessions_would_go_first_nothing_goes() {
      scene.pods(3, 0.2, 10).load("p-1", 0, 0).unready("p-3");
      patient().act();
      scene.later(SETTLED).act();
      Plan plan = scene.act();
      assertThat(scaledTo(plan)).isEqualTo(-1);
      assertThat(alarms(plan)).contains("not-ready-with-sessions", "scale-down-blocked");
    }

    @Test
    void an_unready_pod_without_sessions_goes_instead_of_a_draining_one() {
      scene.pods(4, 0.2, 10).load("p-1", 0, 0);
      patient().act();
      scene.later(SETTLED).act();
      scene.unready("p-3").load("p-3", 0, 0);
      Plan plan = scene.act();
      assertThat(scaledTo(plan)).isEqualTo(-1);
      assertThat(canceled(plan)).containsExactly("p-1");
      assertThat(drained(plan)).containsExactly("p-3");
    }

    @Test
    void as_many_as_the_disruption_budget_allows() {
      scene.with(fast()).pods(4, 0.0, 0).budget("careful", 1);
      patient().act();
      scene.later(SETTLED).act();
      Plan plan = scene.act();
      assertThat(scaledTo(plan)).isEqualTo(3);
      assertThat(plan.reason()).contains("PodDisruptionBudget careful allows no more");
    }

    @Test
    void not_while_a_rollout_is_in_progress() {
      scene.pods(4, 0.1, 0).rollout("there are pods of 2 revisions");
      Plan plan = patient().act();
      assertThat(plan.steps()).isEmpty();
      assertThat(plan.reason()).contains("no scale-down during a rollout");
    }

    @Test
    void never_if_nobody_knows_which_pods_would_go() {
      scene.pods(4, 0.1, 0).removal(RemovalOrder.UNKNOWN);
      assertThat(patient().act().steps()).isEmpty();
    }

    @Test
    void a_stateful_set_loses_its_highest_ordinals_in_order() {
      scene.with(fast()).removal(RemovalOrder.HIGHEST_ORDINAL);
      scene.pod("b-9", 0.1, 1).pod("b-10", 0.1, 30).pod("b-11", 0.1, 20);
      assertThat(drained(patient().act())).containsExactly("b-11", "b-10");
      scene.later(SETTLED).load("b-10", 0, 0);
      assertThat(scaledTo(scene.act())).isEqualTo(-1);
      scene.load("b-11", 0, 0);
      Plan plan = scene.act();
      assertThat(scaledTo(plan)).isEqualTo(1);
      assertThat(plan.steps())
          .noneMatch(s -> s instanceof PlanStep.MarkPod mark && mark.cost().isPresent());
    }

    @Test
    void above_max_it_shrinks_without_waiting() {
      scene.with(WatchSettings.between(1, 3)).pods(5, 0.6, 10).justBegun();
      assertThat(drained(scene.act())).hasSize(1);
    }

    private WatchSettings fast() {
      return WatchSettings.between(1, 20).with(WatchSettings.DOWN_RATE, new Rate(50, 0, MINUTE));
    }
  }

  /** Pods that Kubernetes refuses to create. */
  @Nested
  class NotCreated {
    private static final String QUOTA = "exceeded quota: pods-of-bolina, limited: pods=5";

    @Test
    void those_are_given_up_at_once_and_no_session_is_touched() {
      Plan plan = scene.pods(5, 0.33, 20).justBegun().notCreated(8, QUOTA).act();
      assertThat(scaledTo(plan)).isEqualTo(5); // 1.65 needs 3, but 5 exist
      assertThat(drained(plan)).isEmpty();
      assertThat(alarms(plan)).containsExactly("pods-not-created");
      assertThat(plan.alarms().get(0).message()).contains("3 pods", QUOTA);
      assertThat(plan.reason()).contains("3 pods that cannot be created are given up first");

      // From there it goes on as ever: a window, a rate and drains.
      assertThat(scene.replicas(5).act().steps()).isEmpty();
      Plan later = scene.later(WINDOW.plusSeconds(1)).act();
      assertThat(drained(later)).hasSize(1);
      assertThat(alarms(later)).isEmpty();
    }

    @Test
    void as_many_as_the_load_needs_are_still_asked_for() {
      Plan plan = scene.pods(5, 0.72, 50).notCreated(8, QUOTA).plan();
      assertThat(scaledTo(plan)).isEqualTo(6); // 3.6 needs 6
      assertThat(alarms(plan)).containsExactly("pods-not-created");
    }

    @Test
    void min_stays_asked_for() {
      scene.with(WatchSettings.between(7, 20));
      assertThat(scaledTo(scene.pods(5, 0.1, 5).notCreated(8, QUOTA).plan())).isEqualTo(7);
      assertThat(scene.replicas(7).plan().steps()).isEmpty();
    }

    @Test
    void during_a_rollout_nothing_is_given_up() {
      Plan plan = scene.pods(5, 0.33, 20).notCreated(8, QUOTA).rollout("as an example").plan();
      assertThat(plan.steps()).isEmpty();
      assertThat(alarms(plan)).containsExactly("pods-not-created");
    }

    @Test
    void pods_that_are_only_late_are_not_given_up() {
      assertThat(scene.pods(5, 0.33, 20).justBegun().replicas(8).plan().steps()).isEmpty();
    }
  }

  /** A server is critical at its start, until it is open for the first time. */
  @Nested
  class Young {
    @Test
    void they_are_starting_and_not_ill() {
      scene.pods(3, 0.6, 50).justBegun();
      for (int i = 4; i <= 7; i++) {
        scene.registering("p-" + i, Duration.ofSeconds(10));
      }
      Plan plan = scene.plan();
      assertThat(plan.rows().stream().filter(r -> r.state() == PodState.STARTING)).hasSize(4);
      assertThat(alarms(plan)).isEmpty();
      assertThat(plan.desired()).isEqualTo(7); // none on top of those
      assertThat(plan.steps()).isEmpty();
    }

    @Test
    void after_the_start_limit_they_are_critical() {
      Plan plan =
          scene.pods(3, 0.6, 50).registering("p-4", Duration.ofMinutes(3)).later(MINUTE).plan();
      assertThat(plan.rows().get(3).state()).isEqualTo(PodState.CRITICAL);
    }

    @Test
    void who_was_ready_before_is_critical_however_young() {
      Plan plan = scene.pods(4, 0.6, 50).critical("p-4").reincarnated("p-4").plan();
      assertThat(plan.rows().get(3).state()).isEqualTo(PodState.CRITICAL);
    }
  }

  @Nested
  class SeveralServersOfOnePod {
    @Test
    void the_living_one_counts_and_the_dead_one_is_no_server() {
      scene.pods(2, 0.6, 50).secondServer("p-1", "p-1-before", Health.CRITICAL, true);
      Plan plan = scene.plan();
      assertThat(plan.rows()).hasSize(2).allMatch(r -> r.state() == PodState.OPEN);
    }

    @Test
    void whichever_is_listed_first() {
      scene.pods(2, 0.6, 50).ended("p-1");
      scene.secondServer("p-1", "z-after", Health.PASSING, false);
      Plan plan = scene.plan();
      assertThat(plan.rows()).hasSize(2).allMatch(r -> r.state() == PodState.OPEN);
    }

    @Test
    void dead_ones_whose_pods_are_gone_do_not_make_most_unhealthy() {
      scene.pods(2, 0.6, 50);
      for (int i = 1; i <= 4; i++) {
        scene.secondServer("q-" + i, "q-" + i, Health.CRITICAL, true);
      }
      Plan plan = scene.plan();
      assertThat(alarms(plan)).isEmpty();
      assertThat(plan.rows()).hasSize(2);
    }
  }

  @Nested
  class AfterAnInterruption {
    @Test
    void the_order_for_a_pod_that_was_removed_ends_as_completed() {
      scene.pods(3, 0.3, 10);
      String removed = drained(patient().act()).get(0);
      scene.removed(removed);
      assertThat(scene.plan().steps())
          .filteredOn(PlanStep.CancelDrain.class::isInstance)
          .singleElement()
          .satisfies(
              step -> {
                PlanStep.CancelDrain end = (PlanStep.CancelDrain) step;
                assertThat(end.complete()).isTrue();
                assertThat(end.reason()).isEqualTo("its pod was removed");
              });
    }

    @Test
    void another_watcher_goes_on_with_a_drain_and_its_time() {
      scene.pods(3, 0.3, 10);
      String draining = drained(patient().act()).get(0);
      scene.later(Duration.ofMinutes(9)).justBegun();
      Plan plan = scene.act();
      assertThat(drained(plan)).isEmpty();
      assertThat(plan.staying()).isEqualTo(2);
      scene.later(MINUTE).act();
      assertThat(scaledTo(scene.act())).isEqualTo(2);
      assertThat(draining).isEqualTo("p-1");
    }

    @Test
    void a_lowered_target_that_has_not_lost_its_pods_yet_is_left_alone() {
      scene.pods(3, 0.3, 0);
      patient().act();
      scene.later(SETTLED).act();
      assertThat(scaledTo(scene.act())).isEqualTo(2);
      assertThat(scene.replicas(2).act().steps()).isEmpty();
    }

    @Test
    void an_order_for_an_earlier_pod_of_the_name_is_cancelled() {
      scene.pods(3, 0.6, 0).load("p-1", 0.1, 0);
      scene.with(WatchSettings.between(1, 20));
      scene.load("p-2", 0.3, 9).load("p-3", 0.3, 9);
      String draining = drained(patient().act()).get(0);
      scene.reincarnated(draining);
      Plan plan = scene.act();
      assertThat(canceled(plan)).containsExactly(draining);
      assertThat(plan.rows()).noneMatch(r -> r.state() == PodState.REMOVING);
    }
  }

  @Nested
  class Replacements {
    @Test
    void a_server_that_is_critical_for_long_is_replaced_when_its_sessions_have_ended() {
      scene.pods(4, 0.6, 10).critical("p-1");
      scene.act();
      assertThat(drained(scene.later(WINDOW.minusSeconds(1)).act())).isEmpty();
      assertThat(drained(scene.later(Duration.ofSeconds(1)).act())).containsExactly("p-1");
      assertThat(evicted(scene.later(MINUTE).act())).isEmpty();
      assertThat(evicted(scene.load("p-1", 0, 0).act())).containsExactly("p-1");
    }

    @Test
    void when_the_drain_time_is_over_it_is_replaced_with_its_sessions() {
      scene.pods(4, 0.6, 10).critical("p-1");
      scene.act();
      scene.later(WINDOW).act();
      assertThat(evicted(scene.later(Duration.ofMinutes(10)).act())).containsExactly("p-1");
    }

    @Test
    void one_that_recovers_stays() {
      scene.pods(4, 0.6, 10).critical("p-1");
      scene.act();
      scene.later(WINDOW).act();
      assertThat(canceled(scene.passing("p-1").act())).containsExactly("p-1");
    }

    @Test
    void at_a_bounded_rate() {
      scene.pods(7, 0.6, 10).critical("p-1", "p-2");
      scene.act();
      assertThat(drained(scene.later(WINDOW).act())).hasSize(1);
      assertThat(drained(scene.later(Duration.ofSeconds(30)).act())).isEmpty();
      assertThat(drained(scene.later(Duration.ofSeconds(30)).act())).hasSize(1);
    }

    @Test
    void never_when_most_are_critical() {
      scene.pods(3, 0.6, 0).critical("p-1", "p-2");
      scene.act();
      Plan plan = scene.later(Duration.ofMinutes(30)).act();
      assertThat(plan.steps()).isEmpty();
      assertThat(plan.reason()).contains("is not replaced now: most servers are unhealthy");
    }

    @Test
    void not_against_a_disruption_budget() {
      scene.pods(4, 0.6, 0).critical("p-1").budget("careful", 0);
      scene.act();
      scene.later(WINDOW).act();
      Plan plan = scene.later(MINUTE).act();
      assertThat(evicted(plan)).isEmpty();
      assertThat(plan.reason()).contains("a PodDisruptionBudget allows no disruption");
    }
  }

  /** Whoever empties nodes (Karpenter, the cluster autoscaler) is told which pods have to stay. */
  @Nested
  class KeptWhileItDrains {
    private static final String KARPENTER = "karpenter.sh/do-not-disrupt";
    private static final String AUTOSCALER = "cluster-autoscaler.kubernetes.io/safe-to-evict";

    private void oneDrains() {
      scene.pods(4, 0.2, 10).load("p-1", 0.2, 5);
      patient();
      assertThat(drained(scene.act())).contains("p-1");
    }

    @Test
    void from_its_beginning_to_its_end() {
      oneDrains();
      assertThat(scene.annotations("p-1"))
          .containsEntry(KARPENTER, "true")
          .containsEntry(AUTOSCALER, "false");
      assertThat(scene.act().steps()).noneMatch(PlanStep.MarkPod.class::isInstance);
      for (int i = 1; i <= 4; i++) {
        scene.load("p-" + i, 0.7, 50);
      }
      assertThat(canceled(scene.act())).contains("p-1");
      assertThat(scene.annotations("p-1")).isEmpty();
    }

    @Test
    void with_the_same_write_as_its_deletion_cost() {
      scene.pods(4, 0.2, 10).load("p-1", 0.2, 5);
      assertThat(patient().act().steps())
          .filteredOn(s -> s instanceof PlanStep.MarkPod mark && mark.pod().equals("p-1"))
          .singleElement()
          .satisfies(s -> assertThat(((PlanStep.MarkPod) s).cost()).isPresent());
    }

    @Test
    void what_the_owner_of_the_pod_set_stays() {
      scene.pods(4, 0.2, 10).annotated("p-1", KARPENTER, "1h");
      oneDrains();
      assertThat(scene.annotations("p-1"))
          .containsEntry(KARPENTER, "1h")
          .containsEntry(AUTOSCALER, "false");
      for (int i = 1; i <= 4; i++) {
        scene.load("p-" + i, 0.7, 50);
      }
      scene.act();
      assertThat(scene.annotations("p-1")).containsOnlyKeys(KARPENTER);
    }

    @Test
    void one_that_is_to_be_replaced_and_one_of_a_stateful_set_too() {
      scene.pods(4, 0.6, 10).critical("p-1").removal(RemovalOrder.HIGHEST_ORDINAL);
      scene.plan();
      assertThat(drained(scene.later(MINUTE.multipliedBy(5)).act())).containsExactly("p-1");
      scene.act();
      assertThat(scene.annotations("p-1")).containsEntry(KARPENTER, "true");
      scene.passing("p-1").act();
      scene.act();
      assertThat(scene.annotations("p-1")).isEmpty();
    }

    @Test
    void what_an_earlier_setting_made_it_set_is_removed_too() {
      oneDrains();
      scene.with(
          WatchSettings.between(2, 50)
              .with(WatchSettings.DRAIN_ANNOTATIONS, DrainAnnotations.parse("none")));
      for (int i = 1; i <= 4; i++) {
        scene.load("p-" + i, 0.7, 50);
      }
      scene.act();
      assertThat(scene.annotations("p-1")).isEmpty();
    }

    @Test
    void a_setting_that_is_no_annotation_is_named() {
      assertThat(DrainAnnotations.parse("none").values()).isEmpty();
      assertThat(DrainAnnotations.parse("a/b=c=d, e=").values())
          .containsEntry("a/b", "c=d")
          .containsEntry("e", "");
      for (String wrong : List.of("", "a", "=b", "a=b,,c=d", "a b=c", "a/b/c=d")) {
        assertThatThrownBy(() -> DrainAnnotations.parse(wrong))
            .as(wrong)
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("is not KEY=VALUE");
      }
    }
  }

  @Nested
  class Suspended {
    @Test
    void by_an_autoscaler_on_the_same_target() {
      assertSuspended(
          scene.pods(2, 0.95, 9).autoscaler("hpa").plan(), "HorizontalPodAutoscaler hpa");
    }

    @Test
    void by_a_registry_that_does_not_answer() {
      Source failing = Source.NEVER_UPDATED.failing("refused");
      Plan plan = scene.pods(2, 0.95, 9).registry(failing, Protection.NONE).plan();
      assertSuspended(plan, "registry unavailable (health): refused");
    }

    @Test
    void by_stale_registry_data() {
      Source old = Source.NEVER_UPDATED.updatedAt(T0.plus(Duration.ofMinutes(59)));
      Plan plan = scene.pods(2, 0.95, 9).registry(old, Protection.NONE).plan();
      assertSuspended(plan, "registry data is stale (health): last update 60 s ago, limit 30 s");
    }

    @Test
    void by_a_fleet_that_is_held() {
      Source heard = Source.NEVER_UPDATED.updatedAt(T0.plus(Duration.ofHours(1)));
      Protection held = new Protection(Optional.of(T0), "the registry lost 3 of 4 servers at once");
      assertSuspended(scene.pods(2, 0.95, 9).registry(heard, held).plan(), "lost 3 of 4 servers");
    }

    @Test
    void by_pods_that_the_registry_does_not_know() {
      scene.pods(3, 0.1, 0).vanished("p-1").vanished("p-2");
      assertSuspended(scene.plan(), "implausible: of 3 ready pods 2 have no server");
    }

    @Test
    void by_a_target_that_was_switched_off() {
      assertSuspended(scene.replicas(0).plan(), "has 0 replicas: switched off");
    }

    @Test
    void and_afterwards_the_window_begins_anew() {
      scene.pods(4, 0.1, 0).autoscaler("hpa");
      patient().plan();
      PlannerScenario after = scene;
      assertThat(after.plan().next().since()).isAfter(T0);
    }

    private void assertSuspended(Plan plan, String why) {
      assertThat(plan.steps()).isEmpty();
      assertThat(plan.suspended()).hasValueSatisfying(f -> assertThat(f).contains(why));
    }
  }
}
