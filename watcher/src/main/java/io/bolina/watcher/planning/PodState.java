package io.bolina.watcher.planning;

/** The state of a pod with its server, or of a server without a pod. */
public enum PodState {
  /** Open to new clients. */
  OPEN,
  /** Overloaded, so closed to new clients while another is open; but no less in use. */
  OVERLOADED,
  /** Its server is not registered yet. */
  STARTING,
  /** Its server is critical. */
  CRITICAL,
  /** Its server's machine does not respond. */
  NODE_LOST,
  /** Its server is not registered any more, or was not in time. */
  UNREGISTERED,
  /** Drained by somebody else. */
  DRAINING,
  /** Drained by this Watcher, to make the fleet smaller. */
  REMOVING,
  /** Drained by this Watcher, to be replaced by a new one. */
  REPLACING,
  /** Being deleted. */
  TERMINATING;

  /** Whether it takes a part of the load now or soon. */
  boolean isCapacity() {
    return this == OPEN || this == OVERLOADED || this == STARTING;
  }

  boolean isUnhealthy() {
    return this == CRITICAL || this == NODE_LOST || this == UNREGISTERED || this == REPLACING;
  }

  /** Whether it is one of the target's replicas, and meant to remain one. */
  boolean stays() {
    return this != REMOVING && this != TERMINATING;
  }
}
