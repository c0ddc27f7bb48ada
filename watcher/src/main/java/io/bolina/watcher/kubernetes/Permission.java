package io.bolina.watcher.kubernetes;

import java.util.List;

/**
 * A permission that a Watcher needs in Kubernetes, as a rule of a Role.
 *
 * @param group the API group; empty for the core group
 * @param resource with its subresource, if it is one: {@code deployments/scale}
 * @param name the one object that it is needed for; empty if it is needed for any
 */
record Permission(String verb, String group, String resource, String name) {

  /** For any object. */
  Permission(String verb, String group, String resource) {
    this(verb, group, resource, "");
  }

  /** What a Watcher of a target needs in its namespace. */
  static List<Permission> neededFor(TargetName target) {
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

  /** What a leader election by a lease needs besides. A creation cannot be restricted to a name. */
  static List<Permission> neededForLease(String lease) {
    return List.of(
        new Permission("get", "coordination.k8s.io", "leases", lease),
        new Permission("create", "coordination.k8s.io", "leases"),
        new Permission("patch", "coordination.k8s.io", "leases", lease));
  }

  /** The client reads a pod before it patches it. */
  static final Permission GET_PODS = new Permission("get", "", "pods");

  static final Permission LIST_PODS = new Permission("list", "", "pods");
  static final Permission PATCH_PODS = new Permission("patch", "", "pods");
  static final Permission EVICT_PODS = new Permission("create", "", "pods/eviction");
  static final Permission LIST_AUTOSCALERS =
      new Permission("list", "autoscaling", "horizontalpodautoscalers");
  static final Permission LIST_BUDGETS = new Permission("list", "policy", "poddisruptionbudgets");
  static final Permission CREATE_EVENTS = new Permission("create", "", "events");

  static Permission getTarget(TargetName target) {
    return new Permission("get", target.group(), target.plural(), target.name());
  }

  static Permission getScale(TargetName target) {
    return new Permission("get", target.group(), target.plural() + "/scale", target.name());
  }

  static Permission updateScale(TargetName target) {
    return new Permission("update", target.group(), target.plural() + "/scale", target.name());
  }

  /** As it is added to a Role: YAML without double quotes, which a log line would escape. */
  @Override
  public String toString() {
    return "{apiGroups: ['"
        + group
        + "'], resources: ['"
        + resource
        + "'], verbs: ['"
        + verb
        + "']"
        + (name.isEmpty() ? "" : ", resourceNames: ['" + name + "']")
        + "}";
  }
}
