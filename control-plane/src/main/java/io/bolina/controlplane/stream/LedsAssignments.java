package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.bolina.controlplane.served.ServedCollection;
import io.bolina.controlplane.served.ServedResource;
import io.envoyproxy.envoy.service.discovery.v3.DeltaDiscoveryRequest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The load assignments of a stream whose Envoy gets servers by LEDS. They refer to collections,
 * each by one of its names, and every time one is sent it is by another name than the last. That
 * makes the Envoy start the collection with an empty list: a reconnecting Envoy does not say which
 * members it has, so that nothing could say which of them have gone. Sessions do not notice, since
 * it keeps the servers that it had until the new list is there (docs/leds.md).
 */
final class LedsAssignments extends DeltaSubscription {
  private final Map<String, String> reported = new HashMap<>();
  private final Map<String, ServedCollection.Name> given = new HashMap<>();
  private boolean fullList;

  /**
   * As long as nothing was asked or forgotten, and no service came, there is nothing new to say.
   */
  private int settledOn = -1;

  /** Whether what was asked for again is sent now: by another name, as everything sent again. */
  private boolean repeating;

  LedsAssignments() {
    super(XdsTypes.ENDPOINT);
  }

  /** From now on it gets full lists of servers (EDS). */
  void fullList() {
    fullList = true;
  }

  /** Whether an Envoy of this stream is to know a service's collection by this name. */
  boolean gives(String service, ServedCollection.Name name) {
    ServedCollection.Name last = given.get(service);
    return !fullList && (last == null || last.prefix().equals(name.prefix()));
  }

  @Override
  void has(String name, String version) {
    reported.put(name, version);
  }

  @Override
  Map<String, ServedResource> resources(Served served) {
    if (fullList) {
      return super.resources(served);
    }
    Map<String, ServedResource> assignments = new TreeMap<>();
    for (ServedCollection collection : served.collections().values()) {
      assignments.put(collection.name(), next(collection).assignment());
    }
    return assignments;
  }

  @Override
  public void request(DeltaDiscoveryRequest request) {
    if (request.getResourceNamesSubscribeCount() + request.getResourceNamesUnsubscribeCount() > 0) {
      settledOn = -1;
    }
    super.request(request);
  }

  @Override
  public void forget(Set<String> services) {
    settledOn = -1;
    super.forget(services);
  }

  @Override
  public void offerAgain(Set<String> services) {
    settledOn = -1;
    super.offerAgain(services);
  }

  @Override
  ResourceChanges changes(Served served, boolean mayRepeat) {
    repeating = mayRepeat;
    if (!fullList && !(mayRepeat && owesRepeat()) && settledOn == served.collections().size()) {
      return ResourceChanges.NONE;
    }
    Map<String, ServedCollection.Name> next = new HashMap<>();
    if (!fullList) {
      served.collections().values().forEach(c -> next.put(c.name(), next(c)));
    }
    ResourceChanges changes = super.changes(served, mayRepeat);
    for (ServedResource sent : changes.changed()) {
      if (next.containsKey(sent.name())) {
        given.put(sent.name(), next.get(sent.name()));
      }
    }
    settledOn = served.collections().size();
    return changes;
  }

  /** The name that the last assignment gave, as long as that one holds; else another. */
  private ServedCollection.Name next(ServedCollection collection) {
    List<ServedCollection.Name> names = collection.names();
    String sent = lastSent(collection.name());
    String last = sent != null ? sent : reported.getOrDefault(collection.name(), "");
    for (int i = 0; i < names.size(); i++) {
      ServedCollection.Name name = names.get(i);
      if (name.equals(given.get(collection.name()))
          || sameMark(name.assignment().version(), last)) {
        boolean holds =
            name.assignment().version().equals(sent)
                && !(repeating && isAskedAgain(collection.name()));
        return holds ? name : names.get((i + 1) % names.size());
      }
    }
    return names.get(0);
  }

  private static boolean sameMark(String version, String other) {
    int mark = version.indexOf('.') + 1;
    return other.regionMatches(0, version, 0, mark);
  }
}
