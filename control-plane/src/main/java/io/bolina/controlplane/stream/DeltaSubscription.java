package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The incremental variant: a response is what changed, each resource under its own version. */
class DeltaSubscription implements Subscription<DeltaDiscoveryRequest> {
  /** The version sent of a resource that does not exist. */
  private static final String ABSENT = "";

  /** Of so many names that it unsubscribed from it is remembered that they were sent. */
  private static final int DROPPED = 1_000;

  private final String typeUrl;
  private boolean asked;
  private boolean wildcard;
  private long heldNames;
  private final Set<String> names = new HashSet<>();
  private final Map<String, String> sent = new HashMap<>();
  private final Set<String> forgottenBefore = new HashSet<>();

  /** What it asked for again, or must be told again. */
  private final Set<String> again = new HashSet<>();

  /** What is offered again. */
  private final Set<String> refused = new HashSet<>();

  private final Set<String> dropped = new LinkedHashSet<>();

  /** What has been looked at since the last request, by identity. */
  private Object seen;

  DeltaSubscription(String typeUrl) {
    this.typeUrl = typeUrl;
  }

  /**
   * @param changed resources that are new to the Envoy
   * @param removed names of resources that it has, or asked for, and that do not exist
   * @param repeats whether some of it was asked for again
   */
  record ResourceChanges(List<ServedResource> changed, List<String> removed, boolean repeats) {
    static final ResourceChanges NONE = new ResourceChanges(List.of(), List.of(), false);

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
      wildcard |= names.remove(ALL);
      seen = null;
    } else {
      request.getResourceNamesSubscribeList().forEach(this::subscribe);
    }
    request.getResourceNamesUnsubscribeList().forEach(this::unsubscribe);
    if (request.getInitialResourceVersionsCount()
            + request.getResourceNamesSubscribeCount()
            + request.getResourceNamesUnsubscribeCount()
        > 0) {
      heldNames =
          Subscription.held(names)
              + Subscription.held(sent.keySet())
              + Subscription.held(sent.values())
              + Subscription.held(dropped);
    }
  }

  /** Subscribing once more asks for it once more. */
  private void subscribe(String name) {
    seen = null;
    if (name.equals(ALL)) {
      if (wildcard) {
        again.addAll(sent.keySet());
      }
      wildcard = true;
    } else {
      if (sent.containsKey(name) || dropped.remove(name)) {
        again.add(name);
      }
      names.add(name);
    }
  }

  private void unsubscribe(String name) {
    seen = null;
    if (name.equals(ALL)) {
      wildcard = false;
      for (String other : Set.copyOf(sent.keySet())) {
        if (!names.contains(other)) {
          drop(other);
        }
      }
    } else if (names.remove(name)) {
      if (wildcard) {
        // It does not know whether it still is to have it, so it is told.
        again.add(name);
      } else {
        drop(name);
      }
    }
  }

  private void drop(String name) {
    again.remove(name);
    refused.remove(name);
    if (sent.remove(name) != null && dropped.add(name) && dropped.size() > DROPPED) {
      dropped.remove(dropped.iterator().next());
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

  /** Whether it is to be sent once more because it was asked for again. */
  boolean isAskedAgain(String name) {
    return again.contains(name);
  }

  @Override
  public void forget(Set<String> resources) {
    sent.keySet().removeAll(resources);
    again.removeAll(resources);
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
  public void offerAgain(Set<String> toOffer) {
    refused.addAll(toOffer);
    seen = null;
  }

  @Override
  public boolean owesRepeat() {
    return !again.isEmpty();
  }

  @Override
  public boolean isWhole() {
    return false;
  }

  @Override
  public int size() {
    return names.size();
  }

  @Override
  public long held() {
    return heldNames;
  }

  @Override
  public Optional<PendingResponse> next(Served served, boolean mayRepeat) {
    ResourceChanges changes = changes(served, mayRepeat);
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
            brought,
            changes.repeats()));
  }

  /**
   * What is to be sent now; once returned, it counts as sent.
   *
   * @param mayRepeat whether it may bring what has not changed, because it was asked for again
   */
  ResourceChanges changes(Served served, boolean mayRepeat) {
    Map<String, ServedResource> resources = resources(served);
    if (resources == seen && (again.isEmpty() || !mayRepeat)) {
      return ResourceChanges.NONE;
    }
    seen = resources;
    List<ServedResource> changed = new ArrayList<>();
    List<String> removed = new ArrayList<>();
    for (ServedResource resource : resources.values()) {
      String name = resource.name();
      if ((wildcard || names.contains(name)) && isDue(name, resource.version(), mayRepeat)) {
        changed.add(resource);
      }
    }
    Set<String> known = new HashSet<>(sent.keySet());
    known.addAll(names);
    known.addAll(again);
    for (String name : known) {
      if (!resources.containsKey(name) && isDue(name, ABSENT, mayRepeat)) {
        removed.add(name);
      }
    }
    removed.sort(null);
    boolean repeats = mayRepeat && !again.isEmpty();
    if (mayRepeat) {
      again.clear();
    }
    refused.clear();
    changed.forEach(resource -> sent.put(resource.name(), resource.version()));
    for (String name : removed) {
      if (names.contains(name)) {
        sent.put(name, ABSENT);
      } else {
        sent.remove(name);
      }
    }
    return new ResourceChanges(changed, removed, repeats);
  }

  private boolean isDue(String name, String version, boolean mayRepeat) {
    if (again.contains(name)) {
      String had = sent.get(name);
      return mayRepeat || (had != null && !had.equals(version));
    }
    return !version.equals(sent.get(name)) || (refused.contains(name) && !version.equals(ABSENT));
  }
}
