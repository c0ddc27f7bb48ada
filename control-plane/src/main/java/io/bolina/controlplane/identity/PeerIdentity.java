package io.bolina.controlplane.identity;

import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.served.Visibility;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Who is at the other end of a stream, and what it may see.
 *
 * @param names the names in its certificate that a rule is for; none if it needs no certificate
 * @param services the services that it sees; empty for all
 * @param nodeIds the node ids that it may use; empty for any
 */
public record PeerIdentity(
    List<String> names, Optional<Set<String>> services, Optional<Set<String>> nodeIds) {
  /** Whoever comes where no certificate is asked for. */
  public static final PeerIdentity UNKNOWN =
      new PeerIdentity(List.of(), Optional.empty(), Optional.empty());

  /** What it sees of what is served. */
  public Visibility visibility() {
    return services.<Visibility>map(OfServices::new).orElse(Visibility.ALL);
  }

  /** Whether it may call itself so; the empty text is a request that has not said. */
  public boolean mayBe(String nodeId) {
    return nodeIds.isEmpty() || nodeIds.get().contains(nodeId);
  }

  /** For a log: its names. */
  @Override
  public String toString() {
    return names.isEmpty() ? "unauthenticated" : String.join(",", names);
  }

  private record OfServices(Set<String> services) implements Visibility {
    @Override
    public boolean includes(String resource) {
      return services.contains(EnvoyResources.serviceOf(resource));
    }
  }
}
