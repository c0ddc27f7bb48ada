package io.bolina.watcher.simulation;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The HorizontalPodAutoscaler's published algorithm with its defaults, on the same load as a metric
 * of each pod: desired = ceil(current * metric / target), within a tolerance of 10 % nothing; pods
 * without a metric yet count as idle when it would grow, as on target when it would shrink; the
 * most that was desired in 5 min when it shrinks; at most 4 pods or 100 % in 15 s when it grows;
 * looked at every 15 s. Which pods go is the ReplicaSet's choice.
 */
final class ByAutoscaler implements Policy {
  private static final int PERIOD = 15;
  private static final int STABILIZATION = 300;

  private final double target;
  private final int min;
  private final int max;
  private int next;
  private final Deque<int[]> desired = new ArrayDeque<>();

  ByAutoscaler(double target, int min, int max) {
    this.target = target;
    this.min = min;
    this.max = max;
  }

  @Override
  public void act(World world) {
    if (world.second() < next) {
      return;
    }
    next = world.second() + PERIOD;
    List<World.SimulatedPod> alive = world.pods().stream().filter(p -> !p.leaving()).toList();
    List<World.SimulatedPod> measured = alive.stream().filter(world::started).toList();
    int current = world.replicas();
    if (measured.isEmpty()) {
      return;
    }
    int proposed = current;
    double sum = measured.stream().mapToDouble(p -> p.reportedLoad).sum();
    double ratio = sum / measured.size() / target;
    if (Math.abs(ratio - 1) > 0.1) {
      int unmeasured = alive.size() - measured.size();
      double assumed = ratio > 1 ? 0 : target;
      double all = (sum + unmeasured * assumed) / alive.size() / target;
      boolean turned = (ratio > 1) != (all > 1);
      if (!turned && Math.abs(all - 1) > 0.1) {
        proposed = (int) Math.ceil(all * alive.size());
      }
    }
    desired.add(new int[] {world.second(), proposed});
    while (desired.peek()[0] < world.second() - STABILIZATION) {
      desired.remove();
    }
    int stable =
        proposed > current
            ? Math.min(proposed, current + Math.max(4, current))
            : Math.min(current, desired.stream().mapToInt(d -> d[1]).max().orElse(proposed));
    world.scale(Math.max(min, Math.min(max, stable)));
  }
}
