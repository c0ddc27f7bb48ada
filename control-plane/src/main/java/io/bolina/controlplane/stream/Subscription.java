package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What one stream wants of one type, and what it has been told. An Envoy that refused something has
 * been told it all the same: it is not told again until there is something else to tell. So a
 * refusal can never loop.
 */
abstract class Subscription {
  private static final String ALL = "*";

  /** The state-of-the-world variant: a response is everything that is wanted, under one version. */
  static final class StateOfTheWorld extends Subscription {
    private final String typeUrl;
    private boolean asked;
    private Set<String> names = Set.of();
    private String told = "";
    private boolean owed;

    StateOfTheWorld(String typeUrl) {
      this.typeUrl = typeUrl;
    }

    /** Takes a request of the Envoy's. */
    synchronized void request(DiscoveryRequest request) {
      Set<String> wanted = Set.copyOf(request.getResourceNamesList());
      if (!asked) {
        // A reconnecting Envoy says what it has.
        told = request.getVersionInfo();
        asked = true;
      } else if (!names.containsAll(wanted)) {
        // It must be answered about a new name even if that changes no version.
        owed = true;
      }
      names = wanted;
    }

    /** The next answer is sent even if it says nothing new. */
    synchronized void owe() {
      owed = true;
    }

    /** What is to be sent now, if anything; once returned, it counts as told. */
    synchronized Optional<Served.Selection> next(Served served) {
      boolean all = names.contains(ALL) || (names.isEmpty() && XdsTypes.hasWildcard(typeUrl));
      Served.Selection selection = all ? served.all(typeUrl) : served.named(typeUrl, names);
      if (selection.resources().isEmpty() && !all) {
        return Optional.empty();
      }
      if (selection.version().equals(told) && !owed) {
        return Optional.empty();
      }
      told = selection.version();
      owed = false;
      return Optional.of(selection);
    }
  }

  /** The incremental variant: a response is what changed, each resource under its own version. */
  static final class Incremental extends Subscription {
    /** The version told of a resource that does not exist. */
    private static final String ABSENT = "";

    private final String typeUrl;
    private boolean asked;
    private boolean wildcard;
    private final Set<String> names = new HashSet<>();
    private final Map<String, String> told = new HashMap<>();

    Incremental(String typeUrl) {
      this.typeUrl = typeUrl;
    }

    /**
     * @param changed resources that are new to the Envoy
     * @param removed names of resources that it has, or asked for, and that do not exist
     */
    record Changes(List<ServedResource> changed, List<String> removed) {
      boolean none() {
        return changed.isEmpty() && removed.isEmpty();
      }
    }

    /** Takes a request of the Envoy's. */
    synchronized void request(DeltaDiscoveryRequest request) {
      if (!asked) {
        asked = true;
        told.putAll(request.getInitialResourceVersionsMap());
        wildcard = request.getResourceNamesSubscribeCount() == 0 && XdsTypes.hasWildcard(typeUrl);
        names.addAll(request.getResourceNamesSubscribeList());
      } else {
        for (String name : request.getResourceNamesSubscribeList()) {
          // Subscribing once more asks to be told once more.
          told.remove(name);
          names.add(name);
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
      }
    }

    /** Forgets what was told of some resources, so that they are told again. */
    synchronized void forget(Set<String> resources) {
      told.keySet().removeAll(resources);
    }

    /** What is to be sent now; once returned, it counts as told. */
    synchronized Changes next(Served served) {
      List<ServedResource> changed = new ArrayList<>();
      List<String> removed = new ArrayList<>();
      for (ServedResource resource : served.resources(typeUrl).values()) {
        boolean wanted = wildcard || names.contains(resource.name());
        if (wanted && !resource.version().equals(told.get(resource.name()))) {
          changed.add(resource);
        }
      }
      Set<String> known = new HashSet<>(told.keySet());
      known.addAll(names);
      for (String name : known) {
        if (served.get(typeUrl, name).isEmpty() && !ABSENT.equals(told.get(name))) {
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
}
