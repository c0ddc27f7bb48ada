package io.bolina.controlplane.stream;

import io.bolina.controlplane.served.Served;
import io.envoyproxy.envoy.service.discovery.v3.DiscoveryRequest;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The state-of-the-world variant: a response is everything that is wanted, under one version. */
final class SotwSubscription implements Subscription<DiscoveryRequest> {
  private static final Served.Selection NONE = new Served.Selection("none", List.of());

  private final String typeUrl;
  private boolean asked;
  private boolean everNamed;
  private Set<String> names = Set.of();
  private long heldNames;
  private String sentVersion = "";

  /** What was sent last, by name. */
  private Map<String, String> versions = Map.of();

  /** What was ever sent, by name. */
  private final Map<String, String> everSent = new HashMap<>();

  private boolean askedAnew;
  private boolean owed;
  private boolean held;

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
      askedAnew = true;
    }
    if (!names.equals(wanted)) {
      names = wanted;
      heldNames = Subscription.held(wanted);
    }
    everNamed |= !wanted.isEmpty();
  }

  @Override
  public void forget(Set<String> resources) {
    owed |= !asked || !Collections.disjoint(names, resources);
  }

  @Override
  public void offerAgain(Set<String> refused) {
    owed = true;
  }

  @Override
  public boolean isWhole() {
    return true;
  }

  @Override
  public boolean owesRepeat() {
    return held;
  }

  @Override
  public int size() {
    return names.size();
  }

  @Override
  public long held() {
    return heldNames;
  }

  /** Naming nothing means everything, but not any more for a client that has named something. */
  private boolean wantsAll() {
    return names.contains(ALL) || (names.isEmpty() && !everNamed && XdsTypes.hasWildcard(typeUrl));
  }

  @Override
  public Optional<PendingResponse> next(Served served, boolean mayRepeat) {
    held = false;
    boolean all = wantsAll();
    Served.Selection selection = all ? served.all(typeUrl) : served.named(typeUrl, names);
    Map<String, String> now = new HashMap<>();
    selection.resources().forEach(resource -> now.put(resource.name(), resource.version()));
    if (!all && !owed && !askedAnew && hasAll(now)) {
      sentVersion = selection.version();
      return Optional.empty();
    }
    if (now.isEmpty() && !all) {
      if (names.isEmpty()) {
        return Optional.empty();
      }
      // That nothing of what it names exists is an answer too.
      selection = NONE;
    }
    if (selection.version().equals(sentVersion) && !owed && !askedAnew) {
      return Optional.empty();
    }
    boolean repeats = askedAnew && !owed && everSent.entrySet().containsAll(now.entrySet());
    if (repeats && !mayRepeat) {
      held = true;
      return Optional.empty();
    }
    Set<String> news = new HashSet<>(now.keySet());
    news.removeIf(name -> now.get(name).equals(versions.get(name)));
    sentVersion = selection.version();
    versions = now;
    everSent.putAll(now);
    owed = false;
    askedAnew = false;
    return Optional.of(
        new PendingResponse(
            Encoding.stateOfTheWorld(typeUrl, selection), selection.version(), news, repeats));
  }

  /** Whether the last response had all of it, and with it nothing that has gone since. */
  private boolean hasAll(Map<String, String> now) {
    return !versions.isEmpty()
        && versions.entrySet().containsAll(now.entrySet())
        && !somethingWent(now);
  }

  /** What is left out of a response is gone, of some types. */
  private boolean somethingWent(Map<String, String> now) {
    return XdsTypes.hasWildcard(typeUrl)
        && versions.keySet().stream()
            .anyMatch(name -> names.contains(name) && !now.containsKey(name));
  }
}
