package io.bolina.watcher;

import io.bolina.watcher.planning.ObservedPod;
import io.bolina.watcher.planning.ScaleTarget;
import java.util.List;

/** The target and its pods at one moment. */
public record WorkloadSnapshot(ScaleTarget target, List<ObservedPod> pods) {
  public WorkloadSnapshot {
    pods = List.copyOf(pods);
  }
}
