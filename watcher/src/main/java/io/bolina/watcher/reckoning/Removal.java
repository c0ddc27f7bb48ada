package io.bolina.watcher.reckoning;

/** Which of its pods a target loses when its replicas are lowered. */
public enum Removal {
  /**
   * Those that are not ready, then those with the lowest {@code
   * controller.kubernetes.io/pod-deletion-cost}: what a ReplicaSet does.
   */
  LOWEST_COST,
  /** Those with the highest ordinals, whatever their state: what a StatefulSet does. */
  HIGHEST_ORDINAL,
  /** Nobody here knows, so such a target is never made smaller. */
  UNKNOWN
}
