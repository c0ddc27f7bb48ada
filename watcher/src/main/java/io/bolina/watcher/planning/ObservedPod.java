package io.bolina.watcher.planning;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A pod of the target that has not ended.
 *
 * @param uid tells it from earlier pods of its name
 * @param ip its address, empty while it has none; shared by the pods of a node on the host network
 * @param created when it was made
 * @param phase how far it has come
 * @param ready whether Kubernetes counts it as ready
 * @param terminating whether it is being deleted: no replica any more, whatever its server does
 * @param deletionCost its {@code controller.kubernetes.io/pod-deletion-cost}, if it is set
 * @param annotations all of them
 * @param blockedBy why a container of it does not run, e.g. {@code CrashLoopBackOff}
 */
public record ObservedPod(
    String name,
    String uid,
    String ip,
    Instant created,
    Phase phase,
    boolean ready,
    boolean terminating,
    OptionalInt deletionCost,
    Map<String, String> annotations,
    Optional<String> blockedBy) {
  public ObservedPod {
    annotations = Map.copyOf(annotations);
  }

  /** The phases a pod goes through, in the order in which a ReplicaSet removes them. */
  public enum Phase {
    UNSCHEDULED,
    PENDING,
    UNKNOWN,
    RUNNING
  }

  /** The number at the end of its name, by which a StatefulSet orders its pods; -1 if none. */
  int ordinal() {
    int dash = name.lastIndexOf('-');
    String end = name.substring(dash + 1);
    return end.matches("\\d{1,9}") ? Integer.parseInt(end) : -1;
  }

  /** As a ReplicaSet takes it: unset counts as 0. */
  int cost() {
    return deletionCost.orElse(0);
  }
}
