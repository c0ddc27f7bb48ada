package io.bolina.watcher.planning;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Annotations that a pod has while its server drains by a Watcher's order: they tell those who
 * empty nodes that this one has sessions left. What a pod had of them before is its owner's and is
 * left as it is; which ones are the Watcher's is written on the pod.
 *
 * @param values in the order in which they were given
 */
public record DrainAnnotations(Map<String, String> values) {
  /** Names those that a Watcher set, separated by commas. */
  public static final String SET = "bolina.io/drain-annotations";

  private static final String NONE = "none";
  private static final Pattern WRITTEN =
      Pattern.compile("([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?=[^,]*");

  /**
   * Reads some such as {@code karpenter.sh/do-not-disrupt=true}, separated by commas, or {@code
   * none}.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static DrainAnnotations parse(String text) {
    Map<String, String> values = new LinkedHashMap<>();
    if (!text.strip().equals(NONE)) {
      for (String part : text.split(",", -1)) {
        String pair = part.strip();
        if (!WRITTEN.matcher(pair).matches()) {
          throw new IllegalArgumentException(
              "'" + pair + "' is not KEY=VALUE of an annotation; without any it is " + NONE);
        }
        int equals = pair.indexOf('=');
        values.put(pair.substring(0, equals), pair.substring(equals + 1));
      }
    }
    return new DrainAnnotations(values);
  }

  /**
   * What is to change on a pod, by key; empty values are removed.
   *
   * @param has its annotations
   */
  Map<String, Optional<String>> changes(Map<String, String> has, boolean drains) {
    List<String> set = new ArrayList<>();
    if (has.containsKey(SET)) {
      set.addAll(List.of(has.get(SET).split(",")));
    }
    Map<String, Optional<String>> changes = new LinkedHashMap<>();
    if (!drains) {
      if (has.containsKey(SET)) {
        set.stream().filter(has::containsKey).forEach(key -> changes.put(key, Optional.empty()));
        changes.put(SET, Optional.empty());
      }
      return changes;
    }
    boolean more = false;
    for (Map.Entry<String, String> wanted : values.entrySet()) {
      if (!has.containsKey(wanted.getKey())) {
        changes.put(wanted.getKey(), Optional.of(wanted.getValue()));
        more |= !set.contains(wanted.getKey()) && set.add(wanted.getKey());
      }
    }
    if (more) {
      changes.put(SET, Optional.of(String.join(",", set)));
    }
    return changes;
  }
}
