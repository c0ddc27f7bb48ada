package io.bolina.registry.model;

import io.bolina.registry.fleet.FleetSettings;

/** Whether a server can be seen, and if not, what is made of that. */
public enum Presence {
  /** The registry lists it, and its machine answers. */
  LISTED,
  /**
   * The registry lists it, but its machine does not answer (Consul's {@code serfHealth} is
   * critical).
   */
  NODE_LOST,
  /**
   * Its machine has not answered for {@link FleetSettings#goneAfter}: given up, its clients are
   * moved.
   */
  GONE,
  /** The registry lists it no more. Kept for its sessions, closed to new clients. */
  VANISHED,
  /**
   * The registry lists it no more, together with most of its fleet, which is taken for a registry
   * fault: kept as it was.
   */
  HELD
}
