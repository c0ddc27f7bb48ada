package io.bolina.controlplane;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Protection;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.Source;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/** Makes fleets for tests. */
public final class FleetsForTest {
  private static final Instant SINCE = Instant.parse("2026-01-01T00:00:00Z");

  private FleetsForTest() {}

  public static Fleet fleet(Member... members) {
    return fleet(Arrays.asList(members));
  }

  public static Fleet fleet(List<Member> members) {
    return new Fleet(
        "bolina",
        members,
        Protection.NONE,
        Source.NEVER_UPDATED,
        Source.NEVER_UPDATED,
        Source.NEVER_UPDATED,
        Map.of());
  }

  /** A listed server with a load. */
  public static Member member(int n, Health health, double load) {
    return member(n, health, false, Presence.LISTED, OptionalDouble.of(load));
  }

  public static Member member(
      int n, Health health, boolean draining, Presence presence, OptionalDouble load) {
    return new Member(
        new Server("b-" + n, "bolina", "10.0.0." + n, 7000, "", Map.of()),
        health,
        draining,
        Optional.empty(),
        presence,
        presence == Presence.LISTED ? Optional.empty() : Optional.of(SINCE),
        load.isPresent() ? Optional.of(LoadReport.of(load.getAsDouble())) : Optional.empty(),
        "");
  }

  /** The same server, ordered to drain. */
  public static Member ordered(Member m) {
    return new Member(
        m.server(),
        m.health(),
        m.maintenance(),
        Optional.of(new DrainOrder("watcher", SINCE, "scale-down to 2", Map.of("pod", "uid-1"))),
        m.presence(),
        m.since(),
        m.load(),
        m.note());
  }

  /** Any fleet of up to 12 servers. */
  public static Arbitrary<Fleet> anyFleet() {
    Arbitrary<OptionalDouble> load =
        Arbitraries.oneOf(
            Arbitraries.just(OptionalDouble.empty()),
            Arbitraries.doubles().between(0, 2).map(OptionalDouble::of),
            Arbitraries.of(0.5, 0.75, 0.9, 1.0).map(OptionalDouble::of));
    return Combinators.combine(
            Arbitraries.integers().between(1, 12),
            Arbitraries.of(Health.class),
            Arbitraries.of(true, false, false, false),
            Arbitraries.frequencyOf(
                net.jqwik.api.Tuple.of(5, Arbitraries.just(Presence.LISTED)),
                net.jqwik.api.Tuple.of(2, Arbitraries.of(Presence.class))),
            load)
        .as(FleetsForTest::member)
        .flatMap(m -> Arbitraries.of(m, m, m, ordered(m)))
        .list()
        .uniqueElements(m -> m.server().id())
        .ofMaxSize(12)
        .map(FleetsForTest::fleet);
  }
}
