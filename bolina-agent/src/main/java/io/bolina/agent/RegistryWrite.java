package io.bolina.agent;

import io.bolina.registry.model.Health;
import java.util.List;

/** One of the writes that a synchronization may consist of. */
enum RegistryWrite {
  MAINTENANCE,
  HEALTH,
  GONE,
  ALIVE,
  LOAD;

  /**
   * In which order they are made: what closes the server comes first and what opens it last, so
   * that it is never open in between when it is open neither before nor after. Maintenance mode and
   * a report of its end only ever close.
   *
   * @param written the health that the registry has
   * @param wanted the one that it is to have
   * @param overloaded whether the load that is to be written closes the server
   */
  static List<RegistryWrite> inOrder(Health written, Health wanted, boolean overloaded) {
    boolean opens = wanted.compareTo(written) < 0;
    return opens && overloaded
        ? List.of(MAINTENANCE, LOAD, ALIVE, HEALTH, GONE)
        : List.of(MAINTENANCE, HEALTH, GONE, ALIVE, LOAD);
  }
}
