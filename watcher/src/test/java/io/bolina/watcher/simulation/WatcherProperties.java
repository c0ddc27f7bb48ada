package io.bolina.watcher.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.watcher.planning.WatchSettings;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

/** What holds in every simulated world, whatever its load, its illnesses and its Watcher's fate. */
class WatcherProperties {
  private static final int DRAIN_TIME = 600;

  @Property(tries = 25)
  void no_session_is_broken_and_the_bounds_are_kept(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 4) int min) {
    int max = min + 12;
    Random random = new Random(seed);
    World world = new World(seed, min + random.nextInt(6), 1, DRAIN_TIME);
    ByWatcher watcher = new ByWatcher(WatchSettings.between(min, max));
    double rate = 0;
    for (int second = 0; second < 3 * 3600; second++) {
      if (second % 600 == 0) {
        rate = random.nextInt(4) == 0 ? 0 : random.nextDouble() * 4;
      }
      if (random.nextInt(900) == 0 && !world.pods().isEmpty()) {
        World.SimulatedPod pod = world.pods().get(random.nextInt(world.pods().size()));
        world.critical(pod, !pod.critical);
      }
      if (random.nextInt(1200) == 0) {
        watcher.restart(world); // or another one takes over
      }
      world.tick(rate);
      if (second % 5 == 0) {
        watcher.act(world);
      }
      assertThat(world.replicas()).isBetween(min, max);
    }
    assertThat(world.broken()).as("sessions broken before their drain time").isZero();
  }

  @Property(tries = 25)
  void a_steady_load_with_noise_makes_nothing_flap(
      @ForAll long seed, @ForAll @DoubleRange(min = 0.5, max = 3) double rate) {
    World world = new World(seed, 8, 1, DRAIN_TIME);
    ByWatcher watcher = new ByWatcher(WatchSettings.between(2, 30));
    Random noise = new Random(seed);
    int changes = 0;
    for (int second = 0; second < 8 * 3600; second++) {
      world.tick(Math.max(0, rate * (1 + 0.3 * noise.nextGaussian())));
      int before = world.replicas();
      if (second % 5 == 0) {
        watcher.act(world);
      }
      boolean settled = second > 2 * 3600; // the first sessions of half an hour are in balance
      if (settled && world.replicas() != before) {
        changes++;
      }
    }
    // Sessions come and go by chance, so the load itself wanders: 120 runs had 0 to 7 changes. What
    // flaps has one every few minutes.
    assertThat(changes).as("changes of size in six hours").isLessThanOrEqualTo(12);
  }
}
