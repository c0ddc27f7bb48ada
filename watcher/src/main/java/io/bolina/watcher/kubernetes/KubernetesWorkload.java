package io.bolina.watcher.kubernetes;

import io.bolina.watcher.Workload;
import io.bolina.watcher.WorkloadRequestFailed;
import io.bolina.watcher.WorkloadRequestFailed.Kind;
import io.bolina.watcher.WorkloadSnapshot;
import io.bolina.watcher.gone.PodHome;
import io.bolina.watcher.gone.PodLife;
import io.bolina.watcher.planning.PlanStep;
import io.fabric8.kubernetes.api.model.DeleteOptionsBuilder;
import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.EventBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.ObjectReference;
import io.fabric8.kubernetes.api.model.ObjectReferenceBuilder;
import io.fabric8.kubernetes.api.model.OwnerReference;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.autoscaling.v1.Scale;
import io.fabric8.kubernetes.api.model.autoscaling.v2.HorizontalPodAutoscaler;
import io.fabric8.kubernetes.api.model.policy.v1.EvictionBuilder;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.Clock;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A target with a scale subresource, and its pods. Everything is read again for each plan, every
 * few seconds: a list that is requested cannot fall behind unnoticed, as one that is watched can.
 */
public final class KubernetesWorkload implements Workload {
  private static final Logger log = LoggerFactory.getLogger(KubernetesWorkload.class);
  private static final int LONGEST_MESSAGE = 1000;

  private final KubernetesApi api;
  private final PodHome home;
  private final KubernetesClient client;
  private final TargetName name;
  private final Clock clock;

  // As last observed; one thread observes and acts.
  private Scale scale;
  private ObjectReference reference;
  private volatile String path;

  /** Which pods are the target's, as last observed; read by another thread too. */
  private volatile Optional<String> selector = Optional.empty();

  /** In a cluster that is not told from others. */
  public KubernetesWorkload(KubernetesApi api, TargetName name, Clock clock) {
    this(api, "", name, clock);
  }

  /**
   * @param cluster what its servers call the cluster in their metadata; empty if they do not
   */
  public KubernetesWorkload(KubernetesApi api, String cluster, TargetName name, Clock clock) {
    this.home = new PodHome(cluster, api.namespace());
    this.api = api;
    this.client = api.client();
    this.name = name;
    this.clock = clock;
  }

  /**
   * The target as an owner: what belongs to it Kubernetes removes after it. Empty while there is no
   * such target, or it cannot be read.
   */
  public Optional<OwnerReference> owner() {
    try {
      GenericKubernetesResource object =
          read("read " + name, Permission.getTarget(name), path(), GenericKubernetesResource.class);
      return Optional.of(
          new OwnerReferenceBuilder()
              .withApiVersion(object.getApiVersion())
              .withKind(object.getKind())
              .withName(object.getMetadata().getName())
              .withUid(object.getMetadata().getUid())
              .build());
    } catch (WorkloadRequestFailed e) {
      log.atDebug().setCause(e).log("target not readable; its Lease gets no owner");
      return Optional.empty();
    }
  }

  @Override
  public WorkloadSnapshot observe() {
    GenericKubernetesResource object =
        read("read " + name, Permission.getTarget(name), path(), GenericKubernetesResource.class);
    scale =
        read(
            "read the scale of " + name, Permission.getScale(name), path() + "/scale", Scale.class);
    reference =
        new ObjectReferenceBuilder()
            .withApiVersion(object.getApiVersion())
            .withKind(object.getKind())
            .withName(object.getMetadata().getName())
            .withNamespace(object.getMetadata().getNamespace())
            .withUid(object.getMetadata().getUid())
            .build();
    String ofPods = scale.getStatus() == null ? null : scale.getStatus().getSelector();
    if (ofPods == null || ofPods.isEmpty()) {
      throw new WorkloadRequestFailed(
          Kind.REJECTED,
          "the scale of " + name + " has no selector, so its pods are unknown",
          null);
    }
    selector = Optional.of(ofPods);
    List<Pod> pods =
        api.ask(
            "list pods",
            Permission.LIST_PODS,
            () ->
                client
                    .pods()
                    .inNamespace(api.namespace())
                    .withLabelSelector(ofPods)
                    .list()
                    .getItems());
    List<HorizontalPodAutoscaler> autoscalers =
        api.ask(
            "list HorizontalPodAutoscalers",
            Permission.LIST_AUTOSCALERS,
            () ->
                client
                    .autoscaling()
                    .v2()
                    .horizontalPodAutoscalers()
                    .inNamespace(api.namespace())
                    .list()
                    .getItems());
    List<PodDisruptionBudget> budgets =
        api.ask(
            "list PodDisruptionBudgets",
            Permission.LIST_BUDGETS,
            () ->
                client
                    .policy()
                    .v1()
                    .podDisruptionBudget()
                    .inNamespace(api.namespace())
                    .list()
                    .getItems());
    return KubernetesReader.snapshot(name, object, scale, pods, autoscalers, budgets);
  }

  @Override
  public void setReplicas(PlanStep.SetReplicas step) {
    if (scale == null
        || scale.getSpec() == null
        || !Integer.valueOf(step.from()).equals(scale.getSpec().getReplicas())) {
      throw new WorkloadRequestFailed(
          Kind.CONFLICT, name + ": conflict: it was changed meanwhile", null);
    }
    // With the resource version that was observed, so that nobody's change is overwritten.
    scale.getSpec().setReplicas(step.to());
    Scale changed = scale;
    scale = null;
    api.ask(
        "scale " + name + " from " + step.from() + " to " + step.to(),
        Permission.updateScale(name),
        () -> client.raw(path() + "/scale", "PUT", changed));
  }

  @Override
  public void mark(PlanStep.MarkPod step) {
    api.ask(
        "mark pod " + step.pod(),
        Permission.PATCH_PODS,
        () ->
            client
                .pods()
                .inNamespace(api.namespace())
                .withName(step.pod())
                .patch(PatchContext.of(PatchType.JSON_MERGE), patch(step)));
  }

  /** With the uid, so that it is the pod that was observed and not another of its name. */
  static String patch(PlanStep.MarkPod step) {
    Map<String, String> annotations = new TreeMap<>(); // null removes one
    step.annotations().forEach((key, value) -> annotations.put(key, value.orElse(null)));
    annotations.put(
        KubernetesReader.DELETION_COST,
        step.cost().isPresent() ? Integer.toString(step.cost().getAsInt()) : null);
    Map<String, Object> metadata = new TreeMap<>();
    metadata.put("annotations", annotations);
    metadata.put("uid", step.uid());
    return Serialization.asJson(Map.of("metadata", metadata));
  }

  @Override
  public void evict(PlanStep.EvictPod step) {
    var eviction =
        new EvictionBuilder()
            .withNewMetadata()
            .withName(step.pod())
            .withNamespace(api.namespace())
            .endMetadata()
            .withDeleteOptions(
                new DeleteOptionsBuilder()
                    .withNewPreconditions()
                    .withUid(step.uid())
                    .endPreconditions()
                    .build())
            .build();
    api.ask(
        "evict pod " + step.pod(),
        Permission.EVICT_PODS,
        () ->
            client.raw(
                "/api/v1/namespaces/" + api.namespace() + "/pods/" + step.pod() + "/eviction",
                "POST",
                eviction));
  }

  @Override
  public void recordEvent(String reason, boolean warning, String message) {
    if (reference == null) {
      return; // the target was never read
    }
    String now = clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
    Event event =
        new EventBuilder()
            .withNewMetadata()
            .withGenerateName(name.name() + ".")
            .withNamespace(api.namespace())
            .endMetadata()
            .withInvolvedObject(reference)
            .withReason(reason)
            .withMessage(
                message.length() > LONGEST_MESSAGE
                    ? message.substring(0, LONGEST_MESSAGE) + "…"
                    : message)
            .withType(warning ? "Warning" : "Normal")
            .withNewSource()
            .withComponent("bolina-watcher")
            .endSource()
            .withFirstTimestamp(now)
            .withLastTimestamp(now)
            .withCount(1)
            .build();
    try {
      api.ask(
          "write an Event",
          Permission.CREATE_EVENTS,
          () -> client.v1().events().inNamespace(api.namespace()).resource(event).create());
    } catch (WorkloadRequestFailed e) {
      log.atDebug().setCause(e).log("Kubernetes Event not recorded"); // its content is in the log
    }
  }

  @Override
  public Optional<List<PodLife>> pods() {
    if (selector.isEmpty()) { // a standby does not observe
      Scale now =
          read(
              "read the scale of " + name,
              Permission.getScale(name),
              path() + "/scale",
              Scale.class);
      String ofPods = now.getStatus() == null ? null : now.getStatus().getSelector();
      selector = Optional.ofNullable(ofPods).filter(s -> !s.isEmpty());
    }
    return selector.map(this::lives);
  }

  @Override
  public boolean exists(String podName, String uid) {
    Pod pod =
        api.ask(
            "read pod " + podName,
            Permission.GET_PODS,
            () -> client.pods().inNamespace(api.namespace()).withName(podName).get());
    return pod != null && pod.getMetadata().getUid().equals(uid);
  }

  @Override
  public PodHome home() {
    return home;
  }

  private List<PodLife> lives(String ofPods) {
    // The newest there is: an older list could have a pod at an address that it had before.
    return api
        .ask(
            "list pods",
            Permission.LIST_PODS,
            () ->
                client
                    .pods()
                    .inNamespace(api.namespace())
                    .withLabelSelector(ofPods)
                    .list()
                    .getItems())
        .stream()
        .map(KubernetesReader::life)
        .toList();
  }

  @Override
  public void close() {
    api.close();
  }

  private <T> T read(String what, Permission permission, String from, Class<T> type) {
    String text = api.ask(what, permission, () -> client.raw(from));
    if (text == null) {
      throw new WorkloadRequestFailed(
          Kind.NOT_FOUND,
          "cannot " + what + ": not found (404) in namespace " + api.namespace(),
          null);
    }
    return Serialization.unmarshal(text, type);
  }

  /** The target's URL, whose API version is Kubernetes' preferred one. */
  private String path() {
    if (path == null) {
      String root = "/api/v1";
      if (!name.group().isEmpty()) {
        var group =
            api.ask(
                "find the API group " + name.group(),
                Permission.getTarget(name),
                () -> client.getApiGroup(name.group()));
        String version =
            Optional.ofNullable(group)
                .map(g -> g.getPreferredVersion())
                .map(v -> v.getGroupVersion())
                .orElseThrow(
                    () ->
                        new WorkloadRequestFailed(
                            Kind.NOT_FOUND,
                            "this cluster has no API group '" + name.group() + "'",
                            null));
        root = "/apis/" + version;
      }
      path = root + "/namespaces/" + api.namespace() + "/" + name.plural() + "/" + name.name();
    }
    return path;
  }
}
