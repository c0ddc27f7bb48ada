package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The incremental variant: a response is what changed, each resource under its own version. */
class DeltaSubscription implements Subscription<DeltaDiscoveryRequest> {
  /** The version sent of a resource that does not exist. */
  private static final String ABSENT = "";

  private final String typeUrl;
  private boolean asked;
  private boolean wildcard;
  private final Set<String> names = new HashSet<>();
  private final Map<String, String> sent = new HashMap<>();
  private final Set<String> forgottenBefore = new HashSet<>();

  /** What has been looked at since the last request, by identity. */
  private Object seen;

  DeltaSubscription(String typeUrl) {
    this.typeUrl = typeUrl;
  }

  /**
   * @param changed resources that are new to the Envoy
   * @param removed names of resources that it has, or asked for, and that do not exist
   */
  record ResourceChanges(List<ServedResource> changed, List<String> removed) {
    static final ResourceChanges NONE = new ResourceChanges(List.of(), List.of());

    boolean none() {
      return changed.isEmpty() && removed.isEmpty();
    }
  }

  @Override
  public void request(DeltaDiscoveryRequest request) {
    if (!asked) {
      asked = true;
      request.getInitialResourceVersionsMap().forEach(this::has);
      sent.keySet().removeAll(forgottenBefore);
      wildcard = request.getResourceNamesSubscribeCount() == 0 && XdsTypes.hasWildcard(typeUrl);
      names.addAll(request.getResourceNamesSubscribeList());
      seen = null;
    } else {
      for (String name : request.getResourceNamesSubscribeList()) {
        // Subscribing once more asks for it once more.
        sent.remove(name);
        names.add(name);
        seen = null;
      }
    }
    wildcard |= names.remove(ALL);
    for (String name : request.getResourceNamesUnsubscribeList()) {
      names.remove(name);
      if (name.equals(ALL)) {
        wildcard = false;
      }
      if (!wildcard) {
        sent.remove(name);
      }
      seen = null;
    }
  }

  /** A reconnecting Envoy says that it has a resource. */
  void has(String name, String version) {
    sent.put(name, version);
  }

  /** The version of a resource that was sent last; null if none was. */
  String lastSent(String name) {
    return sent.get(name);
  }

  @Override
  public void forget(Set<String> resources) {
    sent.keySet().removeAll(resources);
    if (!asked) {
      forgottenBefore.addAll(resources);
    }
    seen = null;
  }

  /** The resources there are: the same map as before if nothing in it is new. */
  Map<String, ServedResource> resources(Served served) {
    return served.resources(typeUrl);
  }

  @Override
  public Optional<PendingResponse> next(Served served) {
    ResourceChanges changes = changes(served);
    if (changes.none()) {
      return Optional.empty();
    }
    Set<String> brought = new HashSet<>();
    changes.changed().forEach(resource -> brought.add(resource.name()));
    String version =
        changes.changed().size() == 1
            ? changes.changed().get(0).version()
            : served.all(typeUrl).version();
    return Optional.of(
        new PendingResponse(
            Encoding.incremental(typeUrl, version, changes.changed(), changes.removed()),
            version,
            brought));
  }

  /** What is to be sent now; once returned, it counts as sent. */
  ResourceChanges changes(Served served) {
    Map<String, ServedResource> resources = resources(served);
    if (resources == seen) {
      return ResourceChanges.NONE;
    }
    seen = resources;
    List<ServedResource> changed = new ArrayList<>();
    List<String> removed = new ArrayList<>();
    for (ServedResource resource : resources.values()) {
      boolean wanted = wildcard || names.contains(resource.name());
      if (wanted && !resource.version().equals(sent.get(resource.name()))) {
        changed.add(resource);
      }
    }
    Set<String> known = new HashSet<>(sent.keySet());
    known.addAll(names);
    for (String name : known) {
      if (!resources.containsKey(name) && !ABSENT.equals(sent.get(name))) {
        removed.add(name);
      }
    }
    removed.sort(null);
    changed.forEach(resource -> sent.put(resource.name(), resource.version()));
    for (String name : removed) {
      if (names.contains(name)) {
        sent.put(name, ABSENT);
      } else {
        sent.remove(name);
      }
    }
    return new ResourceChanges(changed, removed);
  }
}
