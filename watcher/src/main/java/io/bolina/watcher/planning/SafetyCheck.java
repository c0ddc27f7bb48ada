package io.bolina.watcher.planning;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Source;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Whether the observed state is reliable enough to act upon. */
final class SafetyCheck {
  private final WatchSettings settings;

  SafetyCheck(WatchSettings settings) {
    this.settings = settings;
  }

  /** Why scaling is suspended; empty if it is not. */
  Optional<String> whySuspended(ObservedState state, List<PodServer> podServers) {
    Fleet fleet = state.fleet();
    ScaleTarget target = state.target();
    if (!target.autoscalers().isEmpty()) {
      return Optional.of(
          "HorizontalPodAutoscaler "
              + String.join(", ", target.autoscalers())
              + " scales "
              + target.name()
              + " too; delete the autoscaler or stop this Watcher");
    }
    if (target.replicas() == 0) {
      return Optional.of(
          target.name() + " has 0 replicas: switched off; set its replicas to switch it on");
    }
    return stale("health", fleet.health(), state.now())
        .or(() -> stale("load", fleet.load(), state.now()))
        .or(() -> stale("drain orders", fleet.orders(), state.now()))
        .or(
            () ->
                fleet.protection().inForce()
                    ? Optional.of(fleet.protection().reason())
                    : Optional.empty())
        .or(() -> implausible(fleet, podServers));
  }

  private Optional<String> stale(String what, Source source, Instant now) {
    if (source.error().isPresent()) {
      return Optional.of("registry unavailable (" + what + "): " + source.error().get());
    }
    Optional<Duration> age = source.age(now);
    if (age.isEmpty()) {
      return Optional.of("registry has not reported " + what + " yet");
    }
    if (age.get().compareTo(settings.staleAfter()) > 0) {
      return Optional.of(
          "registry data is stale ("
              + what
              + "): last update "
              + age.get().toSeconds()
              + " s ago, limit "
              + settings.staleAfter().toSeconds()
              + " s");
    }
    return Optional.empty();
  }

  /** Most pods run without a server in the registry: it is the wrong service, or the wrong pods. */
  private static Optional<String> implausible(Fleet fleet, List<PodServer> podServers) {
    List<PodServer> running =
        podServers.stream()
            .filter(p -> p.pod().filter(ObservedPod::ready).isPresent())
            .filter(p -> p.state() != PodState.STARTING && p.state() != PodState.TERMINATING)
            .toList();
    long unknown = running.stream().filter(p -> p.state() == PodState.UNREGISTERED).count();
    if (unknown * 2 <= running.size()) {
      return Optional.empty();
    }
    return Optional.of(
        "implausible: of "
            + running.size()
            + " ready pods "
            + unknown
            + " have no server in service "
            + fleet.service()
            + "; is it the right service, and is each server's id its pod's name?");
  }
}
