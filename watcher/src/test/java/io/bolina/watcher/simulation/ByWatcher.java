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
import io.bolina.watcher.reckoning.History;
import io.bolina.watcher.reckoning.Plan;
import io.bolina.watcher.reckoning.Pod;
import io.bolina.watcher.reckoning.Reckoner;
import io.bolina.watcher.reckoning.Removal;
import io.bolina.watcher.reckoning.Situation;
import io.bolina.watcher.reckoning.Step;
import io.bolina.watcher.reckoning.Target;
import io.bolina.watcher.reckoning.WatchSettings;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The Watcher's own reckoning, at work on the simulated fleet. */
final class ByWatcher implements Policy {
  private final Reckoner reckoner;
  private History history = History.beginning(World.START);
  private Plan last;

  ByWatcher(WatchSettings settings) {
    this.reckoner = new Reckoner(settings);
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
    last = reckoner.reckon(situation(world), history);
    history = last.next();
    for (Step step : last.steps()) {
      apply(step, world);
    }
  }

  private static Situation situation(World world) {
    List<Member> members = new ArrayList<>();
    List<Pod> pods = new ArrayList<>();
    Map<String, DrainOrder> inAdvance = new HashMap<>();
    int port = 0;
    for (World.SimulatedPod pod : world.pods()) {
      port++;
      pods.add(
          new Pod(
              pod.name,
              pod.uid,
              "",
              World.START.plusSeconds(pod.created),
              Pod.Phase.RUNNING,
              world.started(pod),
              pod.leaving(),
              pod.cost,
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
    return new Situation(
        world.time(),
        new Fleet("bolina", members, Protection.NONE, heard, heard, heard, inAdvance),
        new Target(
            "deployment/bolina",
            world.replicas(),
            Removal.LOWEST_COST,
            Optional.empty(),
            List.of(),
            List.of()),
        pods);
  }

  private static void apply(Step step, World world) {
    if (step instanceof Step.Drain drain) {
      pod(world, drain.pod()).order = Optional.of(drain.order());
    } else if (step instanceof Step.CallOff callOff) {
      pod(world, callOff.pod()).order = Optional.empty();
    } else if (step instanceof Step.SetDeletionCost cost) {
      pod(world, cost.pod()).cost = cost.cost();
    } else if (step instanceof Step.Scale scale) {
      world.scale(scale.to());
    } else if (step instanceof Step.Evict evict) {
      world.delete(pod(world, evict.pod()));
    }
  }

  private static World.SimulatedPod pod(World world, String name) {
    return world.pods().stream().filter(p -> p.name.equals(name)).findFirst().orElseThrow();
  }
}
