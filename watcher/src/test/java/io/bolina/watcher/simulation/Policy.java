package io.bolina.watcher.simulation;

/** Who scales the simulated fleet. */
interface Policy {
  /** Observes the world and scales it. Called every few seconds. */
  void act(World world);

  /** Forgets everything, as a process that was restarted. */
  default void restart(World world) {}
}
