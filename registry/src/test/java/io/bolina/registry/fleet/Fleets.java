package io.bolina.registry.fleet;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes servers and fleets for tests. */
final class Fleets {
  private Fleets() {}

  static Server server(int n) {
    return new Server("b-" + n, "bolina", "10.0.0." + n, 7000, "", Map.of());
  }

  static ServiceListing.Instance seen(int n) {
    return new ServiceListing.Instance(server(n), Health.PASSING, false, false, "");
  }

  static ServiceListing.Instance draining(int n) {
    return new ServiceListing.Instance(server(n), Health.PASSING, true, false, "");
  }

  static ServiceListing.Instance onLostNode(int n) {
    return new ServiceListing.Instance(server(n), Health.PASSING, false, true, "");
  }

  /** The servers of some numbers, all passing. */
  static ServiceListing listing(int... numbers) {
    List<ServiceListing.Instance> seen = new ArrayList<>();
    for (int n : numbers) {
      seen.add(seen(n));
    }
    return new ServiceListing(seen);
  }

  static Presence presence(Fleet fleet, int n) {
    return member(fleet, n).map(Member::presence).orElse(null);
  }

  static Optional<Member> member(Fleet fleet, int n) {
    return fleet.members().stream().filter(m -> m.server().id().equals("b-" + n)).findFirst();
  }
}
