package io.bolina.watcher.reckoning;

import io.bolina.registry.model.Fleet;
import java.time.Instant;
import java.util.List;

/**
 * All that is known at one moment: what the registry says of the servers, what Kubernetes says of
 * the pods.
 */
public record Situation(Instant now, Fleet fleet, Target target, List<Pod> pods) {
  public Situation {
    pods = List.copyOf(pods);
  }
}
