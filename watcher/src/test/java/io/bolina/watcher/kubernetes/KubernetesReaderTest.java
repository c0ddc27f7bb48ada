package io.bolina.watcher.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.watcher.gone.PodLife;
import io.bolina.watcher.planning.PlanStep;
import io.bolina.watcher.planning.ScaleTarget;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.autoscaling.v1.Scale;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Targets of any kind, as whoever made that kind has its status. */
class KubernetesReaderTest {
  private static final TargetName NAME = TargetName.parse("deployment/b");

  private static ScaleTarget target(String status) {
    GenericKubernetesResource object =
        Serialization.unmarshal(
            """
            apiVersion: argoproj.io/v1alpha1
            kind: Rollout
            metadata: {name: b, generation: 5}
            spec: {replicas: 3}
            %s
            """
                .formatted(status),
            GenericKubernetesResource.class);
    Scale scale =
        Serialization.unmarshal(
            "apiVersion: autoscaling/v1\nkind: Scale\nspec: {replicas: 3}", Scale.class);
    return KubernetesReader.snapshot(NAME, object, scale, List.of(), List.of(), List.of()).target();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "status: {observedGeneration: 5}",
        "status: {observedGeneration: \"5\"}",
        "status: {observedGeneration: 6c8b9fd}",
        "status: {observedGeneration: null}",
        "status: {observedGeneration: {of: 4}}",
        "status: {conditions: null}",
        "status: {conditions: Ready}",
        "status: {conditions: [null, {type: null}, {type: ReplicaFailure, status: \"False\"}]}",
        "status: {currentRevision: 7, updateRevision: 8}",
        "status: \"as an example\"",
        "status: {}",
        "status: null",
        ""
      })
  void what_is_understood_or_means_nothing_to_us_is_no_obstacle(String status) {
    ScaleTarget target = target(status);
    assertThat(target.rollout()).isEmpty();
    assertThat(target.creationFailure()).isEmpty();
    assertThat(target.replicas()).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"4", "\"4\"", "\" 4 \""})
  void a_change_that_its_controller_has_not_seen_yet_is_a_rollout(String observed) {
    assertThat(target("status: {observedGeneration: %s}".formatted(observed)).rollout())
        .hasValue("its controller has not observed the latest change yet");
  }

  @Test
  void two_revisions_are_a_rollout() {
    assertThat(target("status: {currentRevision: a, updateRevision: b}").rollout())
        .hasValue("revision b replaces a");
  }

  @Test
  void pods_that_cannot_be_created_have_a_reason() {
    assertThat(
            target(
                    """
                    status:
                      conditions:
                      - {type: Available, status: "True"}
                      - {type: ReplicaFailure, status: "True", reason: FailedCreate, message: "exceeded quota: few"}
                    """)
                .creationFailure())
        .hasValue("exceeded quota: few");
  }

  @Test
  void the_end_of_a_pod_is_said_in_words() {
    assertThat(life("{phase: Failed, reason: Evicted, podIP: 10.1.2.3}").ended())
        .isEqualTo("has failed: Evicted");
    assertThat(life("{phase: Succeeded}").ended()).isEqualTo("has succeeded");
    assertThat(life("{phase: Running, podIP: 10.1.2.3}").ended()).isEmpty();
    assertThat(life("{phase: Running, podIP: 10.1.2.3}").ip()).isEqualTo("10.1.2.3");
    assertThat(life("{phase: Unknown}").ended()).isEmpty();
  }

  @Test
  void a_mark_sets_and_removes_in_one_write() {
    assertThat(
            KubernetesWorkload.patch(
                new PlanStep.MarkPod(
                    "b-1",
                    "u",
                    OptionalInt.of(-5),
                    Map.of("x/kept", Optional.of("true"), "x/old", Optional.empty()),
                    "")))
        .isEqualTo(
            "{'metadata':{'annotations':{'controller.kubernetes.io/pod-deletion-cost':'-5','x/kept':'true','x/old':null},'uid':'u'}}"
                .replace('\'', '"'));
    assertThat(
            KubernetesWorkload.patch(
                new PlanStep.MarkPod("b-1", "u", OptionalInt.empty(), Map.of(), "")))
        .contains("\"controller.kubernetes.io/pod-deletion-cost\":null");
  }

  private static PodLife life(String status) {
    return KubernetesReader.life(
        Serialization.unmarshal(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: b-1, uid: u}\nspec: {}\nstatus: " + status,
            Pod.class));
  }
}
