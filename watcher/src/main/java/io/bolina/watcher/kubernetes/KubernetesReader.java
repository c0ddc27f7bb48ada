package io.bolina.watcher.kubernetes;

import io.bolina.watcher.Workload.View;
import io.bolina.watcher.reckoning.Pod;
import io.bolina.watcher.reckoning.Removal;
import io.bolina.watcher.reckoning.Target;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.autoscaling.v1.Scale;
import io.fabric8.kubernetes.api.model.autoscaling.v2.HorizontalPodAutoscaler;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** From Kubernetes' objects to what a reckoning goes by. */
final class KubernetesReader {
  static final String DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";

  private static final Set<String> ENDED = Set.of("Succeeded", "Failed");

  /** Why a container waits that will not come by waiting. */
  private static final Set<String> TROUBLES =
      Set.of(
          "CrashLoopBackOff",
          "ImagePullBackOff",
          "ErrImagePull",
          "ErrImageNeverPull",
          "InvalidImageName",
          "CreateContainerConfigError",
          "CreateContainerError",
          "RunContainerError");

  private KubernetesReader() {}

  static View view(
      TargetName name,
      GenericKubernetesResource object,
      Scale scale,
      List<io.fabric8.kubernetes.api.model.Pod> all,
      List<HorizontalPodAutoscaler> autoscalers,
      List<PodDisruptionBudget> budgets) {
    List<io.fabric8.kubernetes.api.model.Pod> pods =
        all.stream()
            .filter(p -> controller(p).isPresent())
            .filter(p -> !ENDED.contains(p.getStatus().getPhase()))
            .toList();
    Integer replicas = scale.getSpec() == null ? null : scale.getSpec().getReplicas();
    Target target =
        new Target(
            name.toString(),
            replicas == null ? 0 : replicas,
            removal(name, pods),
            rollout(object, pods),
            autoscalers.stream()
                .filter(a -> scales(a, object))
                .map(a -> a.getMetadata().getName())
                .toList(),
            budgets.stream()
                .filter(b -> pods.stream().anyMatch(p -> covers(b, p)))
                .map(KubernetesReader::budget)
                .toList());
    return new View(target, pods.stream().map(KubernetesReader::pod).toList());
  }

  private static Optional<OwnerReference> controller(io.fabric8.kubernetes.api.model.Pod pod) {
    return pod.getMetadata().getOwnerReferences().stream()
        .filter(o -> Boolean.TRUE.equals(o.getController()))
        .findFirst();
  }

  private static Removal removal(TargetName name, List<io.fabric8.kubernetes.api.model.Pod> pods) {
    Set<String> kinds =
        pods.stream()
            .flatMap(p -> controller(p).stream())
            .map(OwnerReference::getKind)
            .collect(Collectors.toSet());
    if (kinds.isEmpty()) {
      return switch (name.plural()) {
        case "deployments", "replicasets", "replicationcontrollers" -> Removal.LOWEST_COST;
        case "statefulsets" -> Removal.HIGHEST_ORDINAL;
        default -> Removal.UNKNOWN;
      };
    }
    if (Set.of("ReplicaSet", "ReplicationController").containsAll(kinds)) {
      return Removal.LOWEST_COST;
    }
    return kinds.equals(Set.of("StatefulSet")) ? Removal.HIGHEST_ORDINAL : Removal.UNKNOWN;
  }

  private static Optional<String> rollout(
      GenericKubernetesResource object, List<io.fabric8.kubernetes.api.model.Pod> pods) {
    Number observed = object.get("status", "observedGeneration");
    Long generation = object.getMetadata().getGeneration();
    if (observed != null && generation != null && observed.longValue() < generation) {
      return Optional.of("its controller has not seen its latest change yet");
    }
    long owners =
        pods.stream()
            .flatMap(p -> controller(p).stream())
            .map(OwnerReference::getUid)
            .distinct()
            .count();
    if (owners > 1) {
      return Optional.of("there are pods of " + owners + " revisions");
    }
    String current = object.get("status", "currentRevision");
    String update = object.get("status", "updateRevision");
    Number partition = object.get("spec", "updateStrategy", "rollingUpdate", "partition");
    boolean canary = partition != null && partition.intValue() > 0;
    boolean byHand = "OnDelete".equals(object.get("spec", "updateStrategy", "type"));
    if (current != null && update != null && !current.equals(update) && !canary && !byHand) {
      return Optional.of("revision " + update + " replaces " + current);
    }
    return Optional.empty();
  }

  private static boolean scales(
      HorizontalPodAutoscaler autoscaler, GenericKubernetesResource object) {
    var ref = autoscaler.getSpec().getScaleTargetRef();
    return ref.getName().equals(object.getMetadata().getName())
        && ref.getKind().equals(object.getKind())
        && groupOf(ref.getApiVersion()).equals(groupOf(object.getApiVersion()));
  }

  private static String groupOf(String apiVersion) {
    int slash = apiVersion == null ? -1 : apiVersion.indexOf('/');
    return slash < 0 ? "" : apiVersion.substring(0, slash);
  }

  private static Target.Budget budget(PodDisruptionBudget budget) {
    Integer allowed =
        budget.getStatus() == null ? null : budget.getStatus().getDisruptionsAllowed();
    return new Target.Budget(budget.getMetadata().getName(), allowed == null ? 0 : allowed);
  }

  private static boolean covers(
      PodDisruptionBudget budget, io.fabric8.kubernetes.api.model.Pod pod) {
    LabelSelector selector = budget.getSpec().getSelector();
    if (selector == null) {
      return false;
    }
    Map<String, String> labels =
        Objects.requireNonNullElse(pod.getMetadata().getLabels(), Map.of());
    boolean byLabels =
        selector.getMatchLabels() == null
            || labels.entrySet().containsAll(selector.getMatchLabels().entrySet());
    return byLabels
        && selector.getMatchExpressions().stream()
            .allMatch(
                e -> {
                  String value = labels.get(e.getKey());
                  return switch (e.getOperator()) {
                    case "In" -> value != null && e.getValues().contains(value);
                    case "NotIn" -> value == null || !e.getValues().contains(value);
                    case "Exists" -> value != null;
                    case "DoesNotExist" -> value == null;
                    default -> true; // unknown here: better too careful
                  };
                });
  }

  private static Pod pod(io.fabric8.kubernetes.api.model.Pod pod) {
    var meta = pod.getMetadata();
    String phase = pod.getStatus().getPhase();
    boolean scheduled =
        pod.getSpec().getNodeName() != null && !pod.getSpec().getNodeName().isEmpty();
    boolean hostNetwork = Boolean.TRUE.equals(pod.getSpec().getHostNetwork());
    return new Pod(
        meta.getName(),
        meta.getUid(),
        hostNetwork || pod.getStatus().getPodIP() == null ? "" : pod.getStatus().getPodIP(),
        Instant.parse(meta.getCreationTimestamp()),
        !scheduled
            ? Pod.Phase.UNSCHEDULED
            : "Running".equals(phase)
                ? Pod.Phase.RUNNING
                : "Pending".equals(phase) ? Pod.Phase.PENDING : Pod.Phase.UNKNOWN,
        isReady(pod),
        meta.getDeletionTimestamp() != null,
        cost(meta.getAnnotations()),
        trouble(pod));
  }

  private static boolean isReady(io.fabric8.kubernetes.api.model.Pod pod) {
    return pod.getStatus().getConditions().stream()
        .anyMatch(c -> c.getType().equals("Ready") && c.getStatus().equals("True"));
  }

  private static OptionalInt cost(Map<String, String> annotations) {
    String text = annotations == null ? null : annotations.get(DELETION_COST);
    if (text == null) {
      return OptionalInt.empty();
    }
    try {
      return OptionalInt.of(Integer.parseInt(text));
    } catch (NumberFormatException e) {
      return OptionalInt.empty(); // as Kubernetes takes it
    }
  }

  private static Optional<String> trouble(io.fabric8.kubernetes.api.model.Pod pod) {
    List<ContainerStatus> containers = new ArrayList<>();
    Stream.of(pod.getStatus().getInitContainerStatuses(), pod.getStatus().getContainerStatuses())
        .filter(Objects::nonNull)
        .forEach(containers::addAll);
    return containers.stream()
        .map(ContainerStatus::getState)
        .filter(s -> s != null && s.getWaiting() != null)
        .map(s -> s.getWaiting().getReason())
        .filter(TROUBLES::contains)
        .findFirst();
  }
}
