package io.bolina.watcher.simulation;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A day in the life of a fleet: a night and an evening peak, steps, a ramp, a lull, noise, servers
 * that turn critical one by one, twenty minutes in which every pod that starts is critical.
 */
final class Day {
  static final int SECONDS = 24 * 3600;

  /** On the ramp, when pods are being started. */
  private static final int BROKEN_FROM = 12 * 3600 + 900;

  private final Random random = new Random(7);

  /** One moment of it. */
  record Sample(int second, double demand, int desired, int replicas, int pods) {}

  /** How a day went. */
  record Outcome(World world, List<Sample> samples, int changes) {}

  /** Clients per second at a second of the day. */
  double rate(int second) {
    double hour = second / 3600.0;
    double rate = 3.2 - 2.2 * Math.cos((hour - 4) / 24 * 2 * Math.PI); // quiet at 4, full at 16
    if (hour >= 9 && hour < 10) {
      rate += 4; // a step, up and down
    }
    if (hour >= 12 && hour < 13) {
      rate += 5 * (hour - 12); // a ramp, and its sudden end
    }
    if (hour >= 19.5 && hour < 20) {
      rate += 7; // the evening's event
    }
    if (hour >= 21 && hour < 21.2) {
      rate *= 0.1; // an outage somewhere upstream
    }
    double noise = 1 + 0.15 * Math.sin(second / 40.0) + 0.1 * random.nextGaussian();
    return Math.max(0, rate * noise);
  }

  /** Lets a policy scale through the day. */
  static Outcome live(Policy policy, World world) {
    Day day = new Day();
    List<Sample> samples = new ArrayList<>();
    Random choice = new Random(11);
    int changes = 0;
    int last = world.replicas();
    for (int second = 0; second < SECONDS; second++) {
      if (second % 2400 == 1200 && !world.pods().isEmpty()) {
        World.SimulatedPod pod = world.pods().get(choice.nextInt(world.pods().size()));
        world.critical(pod, true);
      }
      if (second % 2400 == 2300) {
        world.pods().forEach(p -> world.critical(p, false));
      }
      if (second == BROKEN_FROM) {
        world.breakStarts(true);
      }
      if (second == BROKEN_FROM + 1200) {
        world.breakStarts(false);
      }
      world.tick(day.rate(second));
      if (second % 5 == 0) {
        policy.act(world);
      }
      if (world.replicas() != last) {
        changes++;
        last = world.replicas();
      }
      if (second % 60 == 0) {
        int desired = policy instanceof ByWatcher w ? w.last().desired() : world.replicas();
        samples.add(
            new Sample(second, world.demand(), desired, world.replicas(), world.pods().size()));
      }
    }
    return new Outcome(world, samples, changes);
  }
}
