package io.bolina.watcher;

import io.bolina.watcher.planning.Plan;
import java.util.Optional;

/** What the loop last found, for pages and metrics: written by the loop, read by anybody. */
final class WatcherStatus {
  private volatile Optional<Plan> plan = Optional.empty();
  private volatile Optional<String> fault = Optional.empty();

  /** The current plan; empty on a standby, and before the first one. */
  Optional<Plan> plan() {
    return plan;
  }

  /** Why there is no newer plan; empty if the last round made one. */
  Optional<String> fault() {
    return fault;
  }

  boolean suspended() {
    return fault.isPresent() || plan.flatMap(Plan::suspended).isPresent();
  }

  void planned(Plan newPlan) {
    plan = Optional.of(newPlan);
    fault = Optional.empty();
  }

  void faulty(String why) {
    fault = Optional.of(why);
  }

  void standby() {
    plan = Optional.empty();
    fault = Optional.empty();
  }
}
