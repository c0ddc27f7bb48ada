package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The state-of-the-world variant: a response is everything that is wanted, under one version. */
final class SotwSubscription implements Subscription<DiscoveryRequest> {
  private final String typeUrl;
  private boolean asked;
  private Set<String> names = Set.of();
  private String sentVersion = "";
  private Map<String, String> versions = Map.of();
  private boolean owed;

  SotwSubscription(String typeUrl) {
    this.typeUrl = typeUrl;
  }

  @Override
  public void request(DiscoveryRequest request) {
    Set<String> wanted = Set.copyOf(request.getResourceNamesList());
    if (!asked) {
      // A reconnecting Envoy says what it has.
      sentVersion = request.getVersionInfo();
      asked = true;
    } else if (!names.containsAll(wanted)) {
      // It must be answered about a new name even if that changes no version.
      owed = true;
    }
    names = wanted;
  }

  @Override
  public void forget(Set<String> resources) {
    owed |= !asked || !Collections.disjoint(names, resources);
  }

  @Override
  public Optional<PendingResponse> next(Served served) {
    boolean all = names.contains(ALL) || (names.isEmpty() && XdsTypes.hasWildcard(typeUrl));
    Served.Selection selection = all ? served.all(typeUrl) : served.named(typeUrl, names);
    if (selection.resources().isEmpty() && !all) {
      return Optional.empty();
    }
    if (selection.version().equals(sentVersion) && !owed) {
      return Optional.empty();
    }
    sentVersion = selection.version();
    owed = false;
    return Optional.of(
        new PendingResponse(
            Encoding.stateOfTheWorld(typeUrl, selection), selection.version(), news(selection)));
  }

  /** The names of what is not as it was in the last response, though all of it is sent. */
  private Set<String> news(Served.Selection selection) {
    Map<String, String> now = new HashMap<>();
    Set<String> news = new HashSet<>();
    for (ServedResource resource : selection.resources()) {
      now.put(resource.name(), resource.version());
      if (!resource.version().equals(versions.get(resource.name()))) {
        news.add(resource.name());
      }
    }
    versions = now;
    return news;
  }
}
