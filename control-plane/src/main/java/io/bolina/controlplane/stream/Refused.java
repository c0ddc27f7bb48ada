package io.bolina.controlplane.stream;

import java.time.Duration;
import java.util.HashSet;
import java.util.Set;

/**
 * What an Envoy has refused of one type and not taken since. It is offered once more from time to
 * time, since the reason may have passed: a listener's port that another process had. Immutable.
 *
 * @param names of the resources, at most {@link #MOST}
 * @param times how often it was refused
 */
record Refused(Set<String> names, int times) {
  static final Refused NOTHING = new Refused(Set.of(), 0);

  /** The wait before the first offer; each further one is twice as long. */
  static final Duration SHORTEST = Duration.ofSeconds(10);

  static final Duration LONGEST = Duration.ofMinutes(5);

  /** What is refused beyond this comes with its next change. */
  static final int MOST = 1_000;

  /** After one more NACK. */
  Refused and(Set<String> more) {
    Set<String> all = new HashSet<>(names);
    more.stream().limit(MOST - Math.min(MOST, all.size())).forEach(all::add);
    return all.isEmpty() ? NOTHING : new Refused(Set.copyOf(all), times + 1);
  }

  /** After an ACK. */
  Refused without(Set<String> taken) {
    if (names.stream().noneMatch(taken::contains)) {
      return this;
    }
    Set<String> rest = new HashSet<>(names);
    rest.removeAll(taken);
    return rest.isEmpty() ? NOTHING : new Refused(Set.copyOf(rest), times);
  }

  boolean nothing() {
    return names.isEmpty();
  }

  /** How long after the last NACK it is offered again. */
  Duration delay() {
    int doubled = Math.min(times - 1, 10);
    Duration delay = SHORTEST.multipliedBy(1L << Math.max(0, doubled));
    return delay.compareTo(LONGEST) < 0 ? delay : LONGEST;
  }
}
