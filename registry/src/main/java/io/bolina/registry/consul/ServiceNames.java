package io.bolina.registry.consul;

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
                Comparator.comparingInt((String name) -> distance(missing, name))
                    .thenComparing(Comparator.naturalOrder()))
            .limit(SHOWN)
            .toList();
    Optional<String> similar =
        nearest.stream()
            .findFirst()
            .filter(name -> distance(missing, name) <= Math.max(2, missing.length() / 3));
    return new ServiceNames(similar, nearest);
  }

  /** How many letters to change, add or leave out (Levenshtein). */
  private static int distance(String from, String to) {
    int[] last = new int[to.length() + 1];
    for (int j = 0; j <= to.length(); j++) {
      last[j] = j;
    }
    for (int i = 1; i <= from.length(); i++) {
      int[] next = new int[to.length() + 1];
      next[0] = i;
      for (int j = 1; j <= to.length(); j++) {
        int changed = last[j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        next[j] = Math.min(changed, Math.min(last[j], next[j - 1]) + 1);
      }
      last = next;
    }
    return last[to.length()];
  }
}
