package io.bolina.watcher;

import io.bolina.watcher.gone.PodHome;
import io.bolina.watcher.gone.PodLife;
import io.bolina.watcher.planning.PlanStep;
import io.bolina.watcher.planning.RemovalOrder;
import io.bolina.watcher.planning.ScaleTarget;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** A target without pods, whose answers a test can hold up or replace by a fault. */
final class InMemoryWorkload implements Workload {
  final List<String> events = new CopyOnWriteArrayList<>();
  final AtomicInteger observations = new AtomicInteger();

  /** The uids of pods that can be asked for, and are not listed. */
  final Set<String> exist = ConcurrentHashMap.newKeySet();

  private volatile Runnable before = () -> {};

  /** Runs something before each observation. */
  void beforeObservation(Runnable action) {
    before = action;
  }

  @Override
  public WorkloadSnapshot observe() {
    observations.incrementAndGet();
    before.run();
    return new WorkloadSnapshot(
        new ScaleTarget(
            "deployment/bolina",
            0,
            RemovalOrder.LOWEST_COST,
            Optional.empty(),
            List.of(),
            List.of()),
        List.of());
  }

  @Override
  public void setReplicas(PlanStep.SetReplicas step) {}

  @Override
  public void mark(PlanStep.MarkPod step) {}

  @Override
  public void evict(PlanStep.EvictPod step) {}

  @Override
  public void recordEvent(String reason, boolean warning, String message) {
    events.add(reason + ": " + message);
  }

  @Override
  public Optional<List<PodLife>> pods() {
    return Optional.of(List.of());
  }

  @Override
  public boolean exists(String podName, String uid) {
    return exist.contains(uid);
  }

  @Override
  public PodHome home() {
    return new PodHome("here", "games");
  }

  @Override
  public void close() {}
}
