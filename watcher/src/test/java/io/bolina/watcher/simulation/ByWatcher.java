package io.bolina.watcher.simulation;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Protection;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.Source;
import io.bolina.watcher.planning.History;
import io.bolina.watcher.planning.ObservedPod;
import io.bolina.watcher.planning.ObservedState;
import io.bolina.watcher.planning.Plan;
import io.bolina.watcher.planning.PlanStep;
import io.bolina.watcher.planning.Planner;
import io.bolina.watcher.planning.RemovalOrder;
import io.bolina.watcher.planning.ScaleTarget;
import io.bolina.watcher.planning.WatchSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The Watcher's own planner, at work on the simulated fleet. */
final class ByWatcher implements Policy {
  private final Planner planner;
  private History history = History.beginning(World.START);
  private Plan last;

  ByWatcher(WatchSettings settings) {
    this.planner = new Planner(settings);
  }

  Plan last() {
    return last;
  }

  @Override
  public void restart(World world) {
    history = History.beginning(world.time());
  }

  @Override
  public void act(World world) {
    last = planner.plan(observe(world), history);
    history = last.next();
    for (PlanStep step : last.steps()) {
      apply(step, world);
    }
  }

  private static ObservedState observe(World world) {
    List<Member> members = new ArrayList<>();
    List<ObservedPod> pods = new ArrayList<>();
    Map<String, DrainOrder> inAdvance = new HashMap<>();
    int port = 0;
    for (World.SimulatedPod pod : world.pods()) {
      port++;
      pods.add(
          new ObservedPod(
              pod.name,
              pod.uid,
              "",
              World.START.plusSeconds(pod.created),
              ObservedPod.Phase.RUNNING,
              world.started(pod),
              pod.leaving(),
              pod.cost,
              Map.of(),
              Optional.empty()));
      if (world.started(pod)) {
        members.add(
            new Member(
                new Server(pod.name, "bolina", "10.0.0.1", port, "", Map.of()),
                pod.critical ? Health.CRITICAL : Health.PASSING,
                false,
                pod.order,
                Presence.LISTED,
                Optional.empty(),
                Optional.of(LoadReport.of(pod.reportedLoad, pod.reportedSessions)),
                ""));
      } else if (pod.order.isPresent()) {
        inAdvance.put(pod.name, pod.order.get());
      }
    }
    Source heard = Source.NEVER_UPDATED.updatedAt(world.time());
    return new ObservedState(
        world.time(),
        new Fleet("bolina", members, Protection.NONE, heard, heard, heard, inAdvance),
        new ScaleTarget(
            "deployment/bolina",
            world.replicas(),
            RemovalOrder.LOWEST_COST,
            Optional.empty(),
            List.of(),
            List.of()),
        pods);
  }

  private static void apply(PlanStep step, World world) {
    if (step instanceof PlanStep.DrainServer drain) {
      pod(world, drain.pod()).order = Optional.of(drain.order());
    } else if (step instanceof PlanStep.CancelDrain callOff) {
      pod(world, callOff.pod()).order = Optional.empty();
    } else if (step instanceof PlanStep.MarkPod cost) {
      pod(world, cost.pod()).cost = cost.cost();
    } else if (step instanceof PlanStep.SetReplicas scale) {
      world.scale(scale.to());
    } else if (step instanceof PlanStep.EvictPod evict) {
      world.delete(pod(world, evict.pod()));
    }
  }

  private static World.SimulatedPod pod(World world, String name) {
    return world.pods().stream().filter(p -> p.name.equals(name)).findFirst().orElseThrow();
  }
}
