package io.bolina.watcher.reckoning;

/** What a pod, or a server without one, is worth to new clients. */
public enum Standing {
  /** Open to new clients. */
  OPEN,
  /** Overloaded, so closed to new clients while another is open; but no less in use. */
  FULL,
  /** Its server is not registered yet. */
  COMING,
  /** Its server is critical. */
  CRITICAL,
  /** Its server's machine does not answer. */
  LOST,
  /** Its server is registered no more, or was not in time. */
  UNREGISTERED,
  /** Somebody else has taken it out of service. */
  DRAINING,
  /** On its way out, by this Watcher's order, to make the fleet smaller. */
  VICTIM,
  /** On its way out, by this Watcher's order, to be replaced by a new one. */
  REPLACED,
  /** Being deleted. */
  LEAVING;

  /** Whether it takes a part of the load now or soon. */
  boolean isCapacity() {
    return this == OPEN || this == FULL || this == COMING;
  }

  /** Whether there is something wrong with it. */
  boolean isIll() {
    return this == CRITICAL || this == LOST || this == UNREGISTERED || this == REPLACED;
  }

  /** Whether it is one of the target's replicas, and meant to remain one. */
  boolean stays() {
    return this != VICTIM && this != LEAVING;
  }
}
