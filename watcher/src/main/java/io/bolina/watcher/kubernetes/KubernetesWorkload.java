package io.bolina.watcher.kubernetes;

import io.bolina.watcher.Workload;
import io.bolina.watcher.WorkloadFault;
import io.bolina.watcher.WorkloadFault.Kind;
import io.bolina.watcher.reckoning.Step;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A target with a scale subresource, and its pods. Everything is asked for anew at each look: a
 * reckoning comes every few seconds, and a list that is asked for cannot fall behind unnoticed, as
 * one that is watched can.
 */
public final class KubernetesWorkload implements Workload {
  private static final Logger log = LoggerFactory.getLogger(KubernetesWorkload.class);
  private static final int LONGEST_NOTE = 1000;

  private final KubernetesApi api;
  private final KubernetesClient client;
  private final TargetName name;
  private final Clock clock;

  // Of the last look; one thread looks and acts.
  private Scale scale;
  private ObjectReference reference;
  private String path;

  public KubernetesWorkload(KubernetesApi api, TargetName name, Clock clock) {
    this.api = api;
    this.client = api.client();
    this.name = name;
    this.clock = clock;
  }

  /**
   * The rules that a Role lacks, each as it is to be added; empty if nothing is missing.
   *
   * @param election whether there is one
   */
  public List<String> missingRights(boolean election) {
    List<Right> missing = new ArrayList<>(api.missing(Right.of(name)));
    if (election) {
      missing.addAll(api.missing(Right.LEASES));
    }
    return missing.stream().map(Right::toString).toList();
  }

  /**
   * The target as an owner: what belongs to it Kubernetes removes after it. Empty while there is no
   * such target, or it cannot be read.
   */
  public Optional<OwnerReference> owner() {
    try {
      GenericKubernetesResource object =
          read("read " + name, Right.getTarget(name), path(), GenericKubernetesResource.class);
      return Optional.of(
          new OwnerReferenceBuilder()
              .withApiVersion(object.getApiVersion())
              .withKind(object.getKind())
              .withName(object.getMetadata().getName())
              .withUid(object.getMetadata().getUid())
              .build());
    } catch (WorkloadFault e) {
      log.debug("its Lease will belong to nobody", e);
      return Optional.empty();
    }
  }

  @Override
  public View look() {
    GenericKubernetesResource object =
        read("read " + name, Right.getTarget(name), path(), GenericKubernetesResource.class);
    scale = read("read the scale of " + name, Right.getScale(name), path() + "/scale", Scale.class);
    reference =
        new ObjectReferenceBuilder()
            .withApiVersion(object.getApiVersion())
            .withKind(object.getKind())
            .withName(object.getMetadata().getName())
            .withNamespace(object.getMetadata().getNamespace())
            .withUid(object.getMetadata().getUid())
            .build();
    String selector = scale.getStatus() == null ? null : scale.getStatus().getSelector();
    if (selector == null || selector.isEmpty()) {
      throw new WorkloadFault(
          Kind.REFUSED,
          "the scale of " + name + " names no selector, so its pods cannot be told from others",
          null);
    }
    List<Pod> pods =
        api.ask(
            "list pods",
            Right.LIST_PODS,
            () ->
                client
                    .pods()
                    .inNamespace(api.namespace())
                    .withLabelSelector(selector)
                    .list()
                    .getItems());
    List<HorizontalPodAutoscaler> autoscalers =
        api.ask(
            "list HorizontalPodAutoscalers",
            Right.LIST_AUTOSCALERS,
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
            Right.LIST_BUDGETS,
            () ->
                client
                    .policy()
                    .v1()
                    .podDisruptionBudget()
                    .inNamespace(api.namespace())
                    .list()
                    .getItems());
    return KubernetesReader.view(name, object, scale, pods, autoscalers, budgets);
  }

  @Override
  public void scale(Step.Scale step) {
    if (scale == null
        || scale.getSpec() == null
        || !Integer.valueOf(step.from()).equals(scale.getSpec().getReplicas())) {
      throw new WorkloadFault(Kind.CONFLICT, name + " was changed meanwhile", null);
    }
    // With the resource version of the last look, so that nobody's change is overwritten.
    scale.getSpec().setReplicas(step.to());
    Scale told = scale;
    scale = null;
    api.ask(
        "scale " + name + " from " + step.from() + " to " + step.to(),
        Right.updateScale(name),
        () -> client.raw(path() + "/scale", "PUT", told));
  }

  @Override
  public void setDeletionCost(Step.SetDeletionCost step) {
    String cost = step.cost().isPresent() ? "\"" + step.cost().getAsInt() + "\"" : "null";
    // The uid makes it the pod that was looked at, and not another of its name.
    String patch =
        "{\"metadata\":{\"uid\":\""
            + step.uid()
            + "\",\"annotations\":{\""
            + KubernetesReader.DELETION_COST
            + "\":"
            + cost
            + "}}}";
    api.ask(
        "set the deletion cost of pod " + step.pod(),
        Right.PATCH_PODS,
        () ->
            client
                .pods()
                .inNamespace(api.namespace())
                .withName(step.pod())
                .patch(PatchContext.of(PatchType.JSON_MERGE), patch));
  }

  @Override
  public void evict(Step.Evict step) {
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
        Right.EVICT_PODS,
        () ->
            client.raw(
                "/api/v1/namespaces/" + api.namespace() + "/pods/" + step.pod() + "/eviction",
                "POST",
                eviction));
  }

  @Override
  public void note(String kind, boolean warning, String message) {
    if (reference == null) {
      return; // the target was never seen
    }
    String now = clock.instant().truncatedTo(ChronoUnit.SECONDS).toString();
    Event event =
        new EventBuilder()
            .withNewMetadata()
            .withGenerateName(name.name() + ".")
            .withNamespace(api.namespace())
            .endMetadata()
            .withInvolvedObject(reference)
            .withReason(kind)
            .withMessage(
                message.length() > LONGEST_NOTE
                    ? message.substring(0, LONGEST_NOTE) + "…"
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
          Right.CREATE_EVENTS,
          () -> client.v1().events().inNamespace(api.namespace()).resource(event).create());
    } catch (WorkloadFault e) {
      log.debug("{}", e.getMessage(), e); // what it says is in the log already
    }
  }

  @Override
  public void close() {
    api.close();
  }

  private <T> T read(String what, Right right, String from, Class<T> type) {
    String text = api.ask(what, right, () -> client.raw(from));
    if (text == null) {
      throw new WorkloadFault(
          Kind.NOT_FOUND,
          "cannot " + what + ": it is not there (404) in namespace " + api.namespace(),
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
                Right.getTarget(name),
                () -> client.getApiGroup(name.group()));
        String version =
            Optional.ofNullable(group)
                .map(g -> g.getPreferredVersion())
                .map(v -> v.getGroupVersion())
                .orElseThrow(
                    () ->
                        new WorkloadFault(
                            Kind.NOT_FOUND,
                            "this Kubernetes has no API group '" + name.group() + "'",
                            null));
        root = "/apis/" + version;
      }
      path = root + "/namespaces/" + api.namespace() + "/" + name.plural() + "/" + name.name();
    }
    return path;
  }
}
