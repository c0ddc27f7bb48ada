package io.bolina.watcher.planning;

import io.bolina.registry.model.Fleet;
import java.time.Instant;
import java.util.List;

/** What a plan is made from: the servers as in the registry, the pods as in Kubernetes. */
public record ObservedState(Instant now, Fleet fleet, ScaleTarget target, List<ObservedPod> pods) {
  public ObservedState {
    pods = List.copyOf(pods);
  }
}
