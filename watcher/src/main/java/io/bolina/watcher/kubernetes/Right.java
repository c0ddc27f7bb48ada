package io.bolina.watcher.kubernetes;

import java.util.List;

/**
 * A right that a Watcher needs of Kubernetes.
 *
 * @param group the API group; empty for the core group
 * @param resource with its subresource, if it is one: {@code deployments/scale}
 */
record Right(String verb, String group, String resource) {

  /** Every right that a Watcher of a target needs in its namespace. */
  static List<Right> of(TargetName target) {
    return List.of(
        getTarget(target),
        getScale(target),
        updateScale(target),
        GET_PODS,
        LIST_PODS,
        PATCH_PODS,
        EVICT_PODS,
        LIST_AUTOSCALERS,
        LIST_BUDGETS,
        CREATE_EVENTS);
  }

  /** What an election needs besides. */
  static final List<Right> LEASES =
      List.of(
          new Right("get", "coordination.k8s.io", "leases"),
          new Right("create", "coordination.k8s.io", "leases"),
          new Right("patch", "coordination.k8s.io", "leases"));

  /** The client reads a pod before it patches it. */
  static final Right GET_PODS = new Right("get", "", "pods");

  static final Right LIST_PODS = new Right("list", "", "pods");
  static final Right PATCH_PODS = new Right("patch", "", "pods");
  static final Right EVICT_PODS = new Right("create", "", "pods/eviction");
  static final Right LIST_AUTOSCALERS =
      new Right("list", "autoscaling", "horizontalpodautoscalers");
  static final Right LIST_BUDGETS = new Right("list", "policy", "poddisruptionbudgets");
  static final Right CREATE_EVENTS = new Right("create", "", "events");

  static Right getTarget(TargetName target) {
    return new Right("get", target.group(), target.plural());
  }

  static Right getScale(TargetName target) {
    return new Right("get", target.group(), target.plural() + "/scale");
  }

  static Right updateScale(TargetName target) {
    return new Right("update", target.group(), target.plural() + "/scale");
  }

  /** The rule to add to a Role. */
  @Override
  public String toString() {
    return "{apiGroups: [\""
        + group
        + "\"], resources: [\""
        + resource
        + "\"], verbs: [\""
        + verb
        + "\"]}";
  }
}
