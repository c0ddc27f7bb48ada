package io.bolina.watcher.planning;

/** Which of its pods a target loses first when its replicas are lowered. */
public enum RemovalOrder {
  /**
   * Those that are not ready, then those with the lowest {@code
   * controller.kubernetes.io/pod-deletion-cost}: as a ReplicaSet does.
   */
  LOWEST_COST,
  /** Those with the highest ordinals, whatever their state: as a StatefulSet does. */
  HIGHEST_ORDINAL,
  /** Unknown, so such a target is never scaled down. */
  UNKNOWN
}
