package io.bolina.registry;

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

  static Sighting.Seen seen(int n) {
    return new Sighting.Seen(server(n), Health.PASSING, false, false, "");
  }

  static Sighting.Seen draining(int n) {
    return new Sighting.Seen(server(n), Health.PASSING, true, false, "");
  }

  static Sighting.Seen onLostNode(int n) {
    return new Sighting.Seen(server(n), Health.PASSING, false, true, "");
  }

  /** The servers of some numbers, all passing. */
  static Sighting sighting(int... numbers) {
    List<Sighting.Seen> seen = new ArrayList<>();
    for (int n : numbers) {
      seen.add(seen(n));
    }
    return new Sighting(seen);
  }

  static Presence presence(Fleet fleet, int n) {
    return member(fleet, n).map(Member::presence).orElse(null);
  }

  static Optional<Member> member(Fleet fleet, int n) {
    return fleet.members().stream().filter(m -> m.server().id().equals("b-" + n)).findFirst();
  }
}
