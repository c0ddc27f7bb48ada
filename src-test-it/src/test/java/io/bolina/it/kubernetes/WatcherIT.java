package io.bolina.it.kubernetes;

import static io.bolina.it.kubernetes.PodSandbox.LONG;
import static io.bolina.it.kubernetes.PodSandbox.NAME;
import static io.bolina.it.kubernetes.PodSandbox.awaitWords;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.watcher.Watcher;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the Watcher does to a real target, and what it leaves alone. */
class WatcherIT {
  private PodSandbox pods;

  @BeforeEach
  void open() throws IOException {
    pods = new PodSandbox();
  }

  @AfterEach
  void close() {
    pods.close();
  }

  @Test
  void overload_makes_it_grow_at_once_and_up_to_max_only() throws Exception {
    pods.deployment(2);
    pods.loadOfNewPods(0.95);
    pods.loadAll(0.95, 300);
    Watcher watcher = pods.watcher(new FastSettings().between(2, 4));
    pods.awaitPods(4);
    pods.awaitServers(4);
    awaitWords(watcher, "limited to max 4", "are overloaded", "max is 4");
    assertThat(pods.replicas()).isEqualTo(4);
    assertThat(pods.events())
        .anyMatch(n -> n.startsWith("ScaledUp: scaled up: 2 to 4: load 1.90"))
        .anyMatch(n -> n.startsWith("AlarmRaised: alarm raised: the load needs "));
  }

  @Test
  void pods_that_a_quota_forbids_are_given_up_first_and_the_quota_is_named() throws Exception {
    pods.create(
        """
        apiVersion: v1
        kind: ResourceQuota
        metadata: {name: three-pods}
        spec: {hard: {pods: "3"}}
        """);
    pods.deployment(3);
    pods.loadAll(0.2, 20);
    Set<String> before = pods.names();
    pods.scale(6);
    pods.watcher(new FastSettings().between(1, 8));
    await().atMost(LONG).until(() -> pods.replicas() == 3);
    assertThat(pods.names()).isEqualTo(before);
    await("Events").atMost(LONG).until(() -> pods.firstNoted("ScaledDown").isPresent());
    assertThat(pods.events())
        .anyMatch(n -> n.startsWith("AlarmRaised: ") && n.contains("exceeded quota: three-pods"))
        .anyMatch(n -> n.startsWith("ScaledDown: scaled down: 6 to 3: 3 pods that cannot be"));
    // Then as ever: those that exist drain first.
    await().atMost(LONG).until(() -> pods.ordered().size() == 2);
    pods.holdsForThreeRounds("with sessions they stay", () -> pods.names().equals(before));
  }

  @Test
  void it_never_goes_below_min() throws Exception {
    pods.deployment(4);
    pods.loadAll(0, 0);
    Watcher watcher = pods.watcher(new FastSettings().between(3, 5));
    pods.awaitPods(3);
    awaitWords(watcher, "desired   3", "raised to min 3");
    await("no orders for pods that are gone").atMost(LONG).until(() -> pods.ordered().isEmpty());
  }

  @Test
  void the_pods_with_the_fewest_sessions_go_and_each_only_when_its_last_one_has_ended()
      throws Exception {
    pods.deployment(4);
    List<String> names = new ArrayList<>(pods.names());
    pods.load(names.get(0), 0.3, 30);
    pods.load(names.get(1), 0.05, 5);
    pods.load(names.get(2), 0.3, 31);
    pods.load(names.get(3), 0.05, 6);
    Watcher watcher = pods.watcher(new FastSettings().between(2, 5));
    Set<String> draining = Set.of(names.get(1), names.get(3));
    await().atMost(LONG).until(() -> pods.ordered().equals(draining));
    awaitWords(watcher, "waits for 5 sessions to end", "waits for 6 sessions to end");
    pods.holdsForThreeRounds("with sessions they stay", () -> pods.replicas() == 4);

    pods.load(names.get(3), 0, 0);
    pods.awaitPods(3);
    assertThat(pods.names()).containsExactly(names.get(0), names.get(1), names.get(2));
    pods.load(names.get(1), 0, 0);
    pods.awaitPods(2);
    assertThat(pods.names()).containsExactly(names.get(0), names.get(2));
    await().atMost(LONG).until(() -> pods.ordered().isEmpty());
    assertThat(pods.events())
        .anyMatch(
            n ->
                n.equals(
                    "DrainStarted: drain started: "
                        + names.get(1)
                        + ": scale-down to 2 (5 sessions)"))
        .anyMatch(n -> n.startsWith("ScaledDown: scaled down: 4 to 3: "))
        .anyMatch(n -> n.startsWith("ScaledDown: scaled down: 3 to 2: "));
  }

  @Test
  void when_the_drain_time_is_over_sessions_are_waited_for_no_longer() throws Exception {
    pods.deployment(2);
    pods.loadAll(0.2, 20);
    pods.watcher(new FastSettings().between(1, 3).drainTime(Duration.ofSeconds(4)));
    pods.awaitPods(1);
    await().atMost(LONG).until(() -> pods.firstNoted("ScaledDown").isPresent());
    // Kubernetes keeps whole seconds.
    assertThat(
            Duration.between(
                pods.firstNoted("DrainStarted").orElseThrow(),
                pods.firstNoted("ScaledDown").orElseThrow()))
        .isGreaterThanOrEqualTo(Duration.ofSeconds(3));
  }

  @Test
  void a_drain_is_cancelled_when_the_load_rises_and_no_pod_is_lost() throws Exception {
    pods.deployment(3);
    pods.loadAll(0.2, 20);
    Watcher watcher = pods.watcher(new FastSettings().between(1, 5));
    await().atMost(LONG).until(() -> pods.ordered().size() == 2);
    await("their nodes to be kept").atMost(LONG).until(() -> pods.kept().equals(pods.ordered()));
    Set<String> before = pods.names();
    pods.loadAll(0.6, 60);
    await().atMost(LONG).until(() -> pods.ordered().isEmpty());
    await("no node to be kept").atMost(LONG).until(() -> pods.kept().isEmpty());
    awaitWords(watcher, "desired   3");
    assertThat(pods.names()).isEqualTo(before);
    assertThat(pods.pods())
        .allMatch(
            p ->
                p.getMetadata().getAnnotations() == null
                    || !p.getMetadata()
                        .getAnnotations()
                        .containsKey("controller.kubernetes.io/pod-deletion-cost"));
    assertThat(pods.events()).anyMatch(n -> n.startsWith("DrainCanceled: "));
  }

  @Test
  void a_critical_server_is_compensated_and_replaced_when_its_sessions_have_ended()
      throws Exception {
    pods.deployment(3);
    pods.loadAll(0.6, 60);
    pods.loadOfNewPods(0.6);
    String critical = pods.names().iterator().next();
    pods.health(critical, "critical");
    Watcher watcher =
        pods.watcher(new FastSettings().between(2, 6).replaceAfter(Duration.ofSeconds(2)));
    pods.awaitPods(4);
    awaitWords(watcher, "1 more for " + critical);
    await().atMost(LONG).until(() -> pods.ordered().equals(Set.of(critical)));
    pods.holdsForThreeRounds("with sessions it stays", () -> pods.names().contains(critical));

    pods.load(critical, 0, 0);
    await().atMost(LONG).until(() -> !pods.names().contains(critical));
    assertThat(pods.events()).anyMatch(n -> n.startsWith("PodEvicted: pod evicted: " + critical));
  }

  @Test
  void when_most_are_critical_nothing_is_replaced_and_the_alarm_is_raised() throws Exception {
    pods.deployment(3);
    pods.loadAll(0.3, 0);
    Set<String> before = pods.names();
    for (String name : before) {
      pods.health(name, "critical");
    }
    Watcher watcher =
        pods.watcher(new FastSettings().between(2, 6).replaceAfter(Duration.ofSeconds(1)));
    awaitWords(
        watcher,
        "most servers are unhealthy (3 of 3)",
        "is not replaced now: most servers are unhealthy");
    pods.holdsForThreeRounds(
        "nothing is removed", () -> pods.names().equals(before) && pods.ordered().isEmpty());
    assertThat(pods.meters().counter("bolina.watcher.alarms", "kind", "most-unhealthy").count())
        .isEqualTo(1);
  }

  @Test
  void a_pod_that_is_not_ready_and_has_sessions_blocks_the_way_down() throws Exception {
    pods.deployment(3);
    List<String> names = new ArrayList<>(pods.names());
    pods.load(names.get(0), 0.3, 30);
    pods.load(names.get(1), 0.3, 31);
    pods.load(names.get(2), 0, 0);
    pods.ready(names.get(0), false);
    Watcher watcher = pods.watcher(new FastSettings().between(2, 5));
    awaitWords(
        watcher,
        names.get(0)
            + " is not Ready, so Kubernetes would remove it first, whatever its deletion cost",
        "pod " + names.get(0) + " is not Ready and has 30 live sessions");
    pods.holdsForThreeRounds("nobody goes", () -> pods.replicas() == 3);

    pods.ready(names.get(0), true);
    pods.awaitPods(2);
    assertThat(pods.names()).containsExactly(names.get(0), names.get(1));
  }

  @Test
  void of_a_stateful_set_only_the_highest_ordinals_go() throws Exception {
    pods.statefulSet(3);
    pods.load(NAME + "-0", 0.1, 1);
    pods.load(NAME + "-1", 0.1, 10);
    pods.load(NAME + "-2", 0.1, 20);
    Watcher watcher = pods.watcher(new FastSettings().between(1, 5), "statefulset/" + NAME, false);
    await().atMost(LONG).until(() -> pods.ordered().equals(Set.of(NAME + "-1", NAME + "-2")));
    pods.load(NAME + "-1", 0, 0);
    awaitWords(watcher, "may go", "waits for 20 sessions");
    pods.holdsForThreeRounds("nobody goes", () -> pods.names().size() == 3);
    pods.load(NAME + "-2", 0, 0);
    pods.awaitPods(1);
    await().atMost(LONG).until(() -> pods.ordered().isEmpty());

    // An ordinal that comes back is another server: the old order must not close it.
    pods.load(NAME + "-0", 1.2, 30);
    pods.awaitServers(2);
    // Others may: it grows by one more than needed while the first is not there yet.
    pods.holdsForThreeRounds("it is not closed", () -> !pods.ordered().contains(NAME + "-1"));
  }

  @Test
  void an_autoscaler_on_the_same_target_suspends_scaling() throws Exception {
    pods.deployment(2);
    pods.loadAll(0.95, 300);
    pods.create(
        """
        apiVersion: autoscaling/v2
        kind: HorizontalPodAutoscaler
        metadata: {name: rival}
        spec:
          scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}
          minReplicas: 2
          maxReplicas: 3
          metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
        """
            .formatted(NAME));
    Watcher watcher = pods.watcher(new FastSettings());
    awaitWords(watcher, "SUSPENDED: HorizontalPodAutoscaler rival scales deployment/bolina too");
    assertThat(pods.meters().get("bolina.watcher.scaling.suspended").gauge().value()).isEqualTo(1);
    pods.holdsForThreeRounds("nothing is changed", () -> pods.replicas() == 2);
    pods.client()
        .autoscaling()
        .v2()
        .horizontalPodAutoscalers()
        .inNamespace(pods.namespace())
        .withName("rival")
        .delete();
    await().atMost(LONG).until(() -> pods.replicas() > 2);
    assertThat(pods.events())
        .anyMatch(n -> n.startsWith("ScalingSuspended: scaling suspended: HorizontalPodAutoscaler"))
        .anyMatch(n -> n.startsWith("ScalingResumed: scaling resumed: "));
  }

  @Test
  void a_disruption_budget_holds_pods_back() throws Exception {
    pods.deployment(3);
    pods.loadAll(0, 0);
    pods.create(
        """
        apiVersion: policy/v1
        kind: PodDisruptionBudget
        metadata: {name: careful}
        spec: {minAvailable: 2, selector: {matchLabels: {app: %s}}}
        """
            .formatted(NAME));
    await()
        .atMost(LONG)
        .until(
            () -> {
              var status =
                  pods.client()
                      .policy()
                      .v1()
                      .podDisruptionBudget()
                      .inNamespace(pods.namespace())
                      .withName("careful")
                      .get()
                      .getStatus();
              return status != null && Integer.valueOf(1).equals(status.getDisruptionsAllowed());
            });
    Watcher watcher = pods.watcher(new FastSettings().between(1, 5));
    pods.awaitPods(2);
    awaitWords(watcher, "PodDisruptionBudget careful allows no more disruptions");
    pods.holdsForThreeRounds("nothing is changed", () -> pods.replicas() == 2);
  }

  @Test
  void there_is_no_scale_down_during_a_rollout() throws Exception {
    pods.deployment(3);
    pods.loadAll(0.1, 3);
    pods.registerNewPods(false); // so that the new pods do not become ready
    pods.rollOut(3);
    pods.awaitPods(4);
    Watcher watcher = pods.watcher(new FastSettings().between(1, 6));
    awaitWords(watcher, "no scale-down during a rollout");
    pods.holdsForThreeRounds(
        "nothing is removed", () -> pods.replicas() == 3 && pods.ordered().isEmpty());
    pods.registerNewPods(true);
    await().atMost(LONG).until(() -> !pods.ordered().isEmpty() || pods.replicas() < 3);
  }

  @Test
  void in_a_dry_run_nothing_is_changed() throws Exception {
    pods.deployment(2);
    pods.loadAll(0.95, 300);
    Watcher watcher = pods.watcher(new FastSettings(), "deployment/" + NAME, true);
    awaitWords(watcher, "dry run; nothing is changed", "scale from 2 to 4");
    pods.holdsForThreeRounds("nothing is changed", () -> pods.replicas() == 2);
    assertThat(pods.events()).isEmpty();
  }
}
