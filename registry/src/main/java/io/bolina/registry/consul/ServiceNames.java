package io.bolina.registry.consul;

import io.bolina.runtime.setting.Suggestion;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The services that Consul knows, seen from a name that is not among them.
 *
 * @param similar the one that was most likely meant; empty if none looks like it
 * @param known the first few by likeness, for people
 */
record ServiceNames(Optional<String> similar, List<String> known) {
  private static final int SHOWN = 10;

  static ServiceNames around(String missing, Collection<String> all) {
    List<String> nearest =
        all.stream()
            .sorted(
                Comparator.comparingInt((String name) -> Suggestion.distance(missing, name))
                    .thenComparing(Comparator.naturalOrder()))
            .limit(SHOWN)
            .toList();
    Optional<String> similar =
        nearest.stream()
            .findFirst()
            .filter(
                name -> Suggestion.distance(missing, name) <= Math.max(2, missing.length() / 3));
    return new ServiceNames(similar, nearest);
  }
}
