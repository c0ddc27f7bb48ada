package io.bolina.watcher.kubernetes;

import io.bolina.watcher.WorkloadSnapshot;
import io.bolina.watcher.gone.PodLife;
import io.bolina.watcher.planning.ObservedPod;
import io.bolina.watcher.planning.RemovalOrder;
import io.bolina.watcher.planning.ScaleTarget;
import io.fabric8.kubernetes.api.model.ContainerStatus;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodStatus;
import io.fabric8.kubernetes.api.model.autoscaling.v1.Scale;
import io.fabric8.kubernetes.api.model.autoscaling.v2.HorizontalPodAutoscaler;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** From Kubernetes' objects to what planning needs. */
final class KubernetesReader {
  static final String DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";

  private static final Set<String> ENDED = Set.of("Succeeded", "Failed");

  /** Reasons for a waiting container that waiting does not cure. */
  private static final Set<String> BLOCKED =
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

  static WorkloadSnapshot snapshot(
      TargetName name,
      GenericKubernetesResource object,
      Scale scale,
      List<Pod> all,
      List<HorizontalPodAutoscaler> autoscalers,
      List<PodDisruptionBudget> budgets) {
    List<Pod> pods =
        all.stream()
            .filter(p -> controller(p).isPresent())
            .filter(p -> !ENDED.contains(p.getStatus().getPhase()))
            .toList();
    Integer replicas = scale.getSpec() == null ? null : scale.getSpec().getReplicas();
    ScaleTarget target =
        new ScaleTarget(
            name.toString(),
            replicas == null ? 0 : replicas,
            removal(name, pods),
            rollout(object, pods),
            creationFailure(object),
            autoscalers.stream()
                .filter(a -> scales(a, object))
                .map(a -> a.getMetadata().getName())
                .toList(),
            budgets.stream()
                .filter(b -> pods.stream().anyMatch(p -> covers(b, p)))
                .map(KubernetesReader::budget)
                .toList());
    return new WorkloadSnapshot(target, pods.stream().map(KubernetesReader::pod).toList());
  }

  private static Optional<OwnerReference> controller(Pod pod) {
    return pod.getMetadata().getOwnerReferences().stream()
        .filter(o -> Boolean.TRUE.equals(o.getController()))
        .findFirst();
  }

  private static RemovalOrder removal(TargetName name, List<Pod> pods) {
    Set<String> kinds =
        pods.stream()
            .flatMap(p -> controller(p).stream())
            .map(OwnerReference::getKind)
            .collect(Collectors.toSet());
    if (kinds.isEmpty()) {
      return switch (name.plural()) {
        case "deployments", "replicasets", "replicationcontrollers" -> RemovalOrder.LOWEST_COST;
        case "statefulsets" -> RemovalOrder.HIGHEST_ORDINAL;
        default -> RemovalOrder.UNKNOWN;
      };
    }
    if (Set.of("ReplicaSet", "ReplicationController").containsAll(kinds)) {
      return RemovalOrder.LOWEST_COST;
    }
    return kinds.equals(Set.of("StatefulSet"))
        ? RemovalOrder.HIGHEST_ORDINAL
        : RemovalOrder.UNKNOWN;
  }

  private static Optional<String> rollout(GenericKubernetesResource object, List<Pod> pods) {
    Optional<Long> observed = whole(object, "status", "observedGeneration");
    Long generation = object.getMetadata().getGeneration();
    if (generation != null && observed.filter(o -> o < generation).isPresent()) {
      return Optional.of("its controller has not observed the latest change yet");
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
    Optional<String> current = text(object, "status", "currentRevision");
    Optional<String> update = text(object, "status", "updateRevision");
    boolean canary =
        whole(object, "spec", "updateStrategy", "rollingUpdate", "partition")
            .filter(partition -> partition > 0)
            .isPresent();
    boolean byHand =
        text(object, "spec", "updateStrategy", "type").filter("OnDelete"::equals).isPresent();
    if (current.isPresent()
        && update.isPresent()
        && !current.equals(update)
        && !canary
        && !byHand) {
      return Optional.of("revision " + update.get() + " replaces " + current.get());
    }
    return Optional.empty();
  }

  /**
   * A whole number of an object of any kind, which may have it as a text (as Argo Rollouts has its
   * observedGeneration); empty if it has none, or none that can be understood: some kinds put
   * something of their own there, such as a hash.
   */
  private static Optional<Long> whole(GenericKubernetesResource object, Object... path) {
    Object value = value(object, path);
    if (value instanceof Number number) {
      return Optional.of(number.longValue());
    }
    if (value instanceof String text) {
      try {
        return Optional.of(Long.parseLong(text.strip()));
      } catch (NumberFormatException e) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }

  private static Optional<String> text(GenericKubernetesResource object, Object... path) {
    return Optional.ofNullable(value(object, path))
        .filter(String.class::isInstance)
        .map(String.class::cast);
  }

  private static Object value(GenericKubernetesResource object, Object... path) {
    try {
      return object.get(path);
    } catch (ClassCastException | IllegalArgumentException e) {
      return null; // something else stands where the path leads through
    }
  }

  /** What a Deployment or ReplicaSet says in its conditions when pods cannot be created. */
  private static Optional<String> creationFailure(GenericKubernetesResource object) {
    Object conditions = value(object, "status", "conditions");
    if (!(conditions instanceof List<?>)) {
      return Optional.empty();
    }
    return ((List<?>) conditions)
        .stream()
            .filter(Map.class::isInstance)
            .map(c -> (Map<?, ?>) c)
            .filter(c -> "ReplicaFailure".equals(c.get("type")) && "True".equals(c.get("status")))
            .map(c -> String.valueOf(c.get("message")))
            .findFirst();
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

  private static ScaleTarget.DisruptionBudget budget(PodDisruptionBudget budget) {
    Integer allowed =
        budget.getStatus() == null ? null : budget.getStatus().getDisruptionsAllowed();
    return new ScaleTarget.DisruptionBudget(
        budget.getMetadata().getName(), allowed == null ? 0 : allowed);
  }

  private static boolean covers(PodDisruptionBudget budget, Pod pod) {
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
                    default -> true; // an unknown operator: assume that it matches, the safe side
                  };
                });
  }

  private static ObservedPod pod(Pod pod) {
    var meta = pod.getMetadata();
    String phase = pod.getStatus().getPhase();
    boolean scheduled =
        pod.getSpec().getNodeName() != null && !pod.getSpec().getNodeName().isEmpty();
    boolean hostNetwork = Boolean.TRUE.equals(pod.getSpec().getHostNetwork());
    return new ObservedPod(
        meta.getName(),
        meta.getUid(),
        hostNetwork || pod.getStatus().getPodIP() == null ? "" : pod.getStatus().getPodIP(),
        Instant.parse(meta.getCreationTimestamp()),
        !scheduled
            ? ObservedPod.Phase.UNSCHEDULED
            : "Running".equals(phase)
                ? ObservedPod.Phase.RUNNING
                : "Pending".equals(phase) ? ObservedPod.Phase.PENDING : ObservedPod.Phase.UNKNOWN,
        isReady(pod),
        meta.getDeletionTimestamp() != null,
        cost(meta.getAnnotations()),
        Objects.requireNonNullElse(meta.getAnnotations(), Map.of()),
        blockedBy(pod));
  }

  static PodLife life(Pod pod) {
    PodStatus status = pod.getStatus();
    boolean hostNetwork = Boolean.TRUE.equals(pod.getSpec().getHostNetwork());
    String reason = status.getReason() == null ? "" : ": " + status.getReason();
    return new PodLife(
        pod.getMetadata().getName(),
        pod.getMetadata().getUid(),
        hostNetwork || status.getPodIP() == null ? "" : status.getPodIP(),
        ENDED.contains(status.getPhase())
            ? "has " + status.getPhase().toLowerCase(Locale.ROOT) + reason
            : "");
  }

  private static boolean isReady(Pod pod) {
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

  private static Optional<String> blockedBy(Pod pod) {
    List<ContainerStatus> containers = new ArrayList<>();
    Stream.of(pod.getStatus().getInitContainerStatuses(), pod.getStatus().getContainerStatuses())
        .filter(Objects::nonNull)
        .forEach(containers::addAll);
    return containers.stream()
        .map(ContainerStatus::getState)
        .filter(s -> s != null && s.getWaiting() != null)
        .map(s -> s.getWaiting().getReason())
        .filter(BLOCKED::contains)
        .findFirst();
  }
}
