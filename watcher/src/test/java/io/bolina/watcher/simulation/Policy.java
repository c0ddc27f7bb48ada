package io.bolina.watcher.simulation;

/** Who scales the simulated fleet. */
interface Policy {
  /** Looks at the world, and does to it what it sees fit. Called every few seconds. */
  void act(World world);

  /** Begins anew, as a process does that was restarted. */
  default void restart(World world) {}
}
