package io.bolina.watcher.kubernetes;

import java.util.Locale;
import java.util.Map;

/**
 * How a target is named on the command line: {@code deployment/bolina}, {@code statefulset/bolina},
 * or, for any other kind with a scale subresource, {@code rollouts.argoproj.io/bolina} (plural and
 * group, as kubectl takes it).
 *
 * @param group its API group; empty for the core group
 * @param plural its kind as it stands in a URL
 */
public record TargetName(String group, String plural, String name) {
  private static final Map<String, TargetName> KNOWN =
      Map.ofEntries(
          known("deployment", "apps", "deployments"),
          known("deploy", "apps", "deployments"),
          known("statefulset", "apps", "statefulsets"),
          known("sts", "apps", "statefulsets"),
          known("replicaset", "apps", "replicasets"),
          known("rs", "apps", "replicasets"),
          known("replicationcontroller", "", "replicationcontrollers"),
          known("rc", "", "replicationcontrollers"));

  private static Map.Entry<String, TargetName> known(String kind, String group, String plural) {
    return Map.entry(kind, new TargetName(group, plural, ""));
  }

  /**
   * Reads it.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static TargetName parse(String text) {
    int slash = text.indexOf('/');
    if (slash < 1 || slash == text.length() - 1 || text.indexOf('/', slash + 1) >= 0) {
      throw new IllegalArgumentException(
          "'" + text + "' is not KIND/NAME such as deployment/bolina");
    }
    String kind = text.substring(0, slash).toLowerCase(Locale.ROOT);
    String name = text.substring(slash + 1);
    int dot = kind.indexOf('.');
    String word = dot < 0 ? kind : kind.substring(0, dot);
    String singular =
        word.endsWith("s") && !KNOWN.containsKey(word)
            ? word.substring(0, word.length() - 1)
            : word;
    TargetName known = KNOWN.get(singular);
    if (known != null && (dot < 0 || kind.substring(dot + 1).equals(known.group()))) {
      return new TargetName(known.group(), known.plural(), name);
    }
    if (dot < 1) {
      throw new IllegalArgumentException(
          "the kind '"
              + kind
              + "' is not known: deployment, statefulset, replicaset, replicationcontroller, or PLURAL.GROUP"
              + " such as rollouts.argoproj.io");
    }
    return new TargetName(kind.substring(dot + 1), word, name);
  }

  /** As it is shown. */
  @Override
  public String toString() {
    String shown =
        switch (plural) {
          case "deployments", "statefulsets", "replicasets", "replicationcontrollers" ->
              plural.substring(0, plural.length() - 1);
          default -> plural + "." + group;
        };
    return shown + "/" + name;
  }
}
