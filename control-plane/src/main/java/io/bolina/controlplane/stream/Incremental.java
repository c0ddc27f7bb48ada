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
class Incremental implements Subscription<DeltaDiscoveryRequest> {
  /** The version told of a resource that does not exist. */
  private static final String ABSENT = "";

  private final String typeUrl;
  private boolean asked;
  private boolean wildcard;
  private final Set<String> names = new HashSet<>();
  private final Map<String, String> told = new HashMap<>();
  private final Set<String> forgottenBefore = new HashSet<>();

  /** What has been looked at since the last request, by identity. */
  private Object seen;

  Incremental(String typeUrl) {
    this.typeUrl = typeUrl;
  }

  /**
   * @param changed resources that are new to the Envoy
   * @param removed names of resources that it has, or asked for, and that do not exist
   */
  record Changes(List<ServedResource> changed, List<String> removed) {
    static final Changes NONE = new Changes(List.of(), List.of());

    boolean none() {
      return changed.isEmpty() && removed.isEmpty();
    }
  }

  @Override
  public void request(DeltaDiscoveryRequest request) {
    if (!asked) {
      asked = true;
      request.getInitialResourceVersionsMap().forEach(this::has);
      told.keySet().removeAll(forgottenBefore);
      wildcard = request.getResourceNamesSubscribeCount() == 0 && XdsTypes.hasWildcard(typeUrl);
      names.addAll(request.getResourceNamesSubscribeList());
      seen = null;
    } else {
      for (String name : request.getResourceNamesSubscribeList()) {
        // Subscribing once more asks to be told once more.
        told.remove(name);
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
        told.remove(name);
      }
      seen = null;
    }
  }

  /** A reconnecting Envoy says that it has a resource. */
  void has(String name, String version) {
    told.put(name, version);
  }

  /** The version of a resource that was told last; null if none was. */
  String told(String name) {
    return told.get(name);
  }

  @Override
  public void forget(Set<String> resources) {
    told.keySet().removeAll(resources);
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
  public Optional<Reply> next(Served served) {
    Changes changes = changes(served);
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
        new Reply(
            Encoding.incremental(typeUrl, version, changes.changed(), changes.removed()),
            version,
            brought));
  }

  /** What is to be sent now; once returned, it counts as told. */
  Changes changes(Served served) {
    Map<String, ServedResource> resources = resources(served);
    if (resources == seen) {
      return Changes.NONE;
    }
    seen = resources;
    List<ServedResource> changed = new ArrayList<>();
    List<String> removed = new ArrayList<>();
    for (ServedResource resource : resources.values()) {
      boolean wanted = wildcard || names.contains(resource.name());
      if (wanted && !resource.version().equals(told.get(resource.name()))) {
        changed.add(resource);
      }
    }
    Set<String> known = new HashSet<>(told.keySet());
    known.addAll(names);
    for (String name : known) {
      if (!resources.containsKey(name) && !ABSENT.equals(told.get(name))) {
        removed.add(name);
      }
    }
    removed.sort(null);
    changed.forEach(resource -> told.put(resource.name(), resource.version()));
    for (String name : removed) {
      if (names.contains(name)) {
        told.put(name, ABSENT);
      } else {
        told.remove(name);
      }
    }
    return new Changes(changed, removed);
  }
}
