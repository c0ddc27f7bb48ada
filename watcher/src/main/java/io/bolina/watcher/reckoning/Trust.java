package io.bolina.watcher.reckoning;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Source;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/** Whether what is known is good enough to act upon. */
final class Trust {
  private final WatchSettings settings;

  Trust(WatchSettings settings) {
    this.settings = settings;
  }

  /** Why nothing may be changed now; empty if all is well. */
  Optional<String> whyFrozen(Situation situation, List<Place> places) {
    Fleet fleet = situation.fleet();
    Target target = situation.target();
    if (!target.autoscalers().isEmpty()) {
      return Optional.of(
          "the HorizontalPodAutoscaler "
              + String.join(", ", target.autoscalers())
              + " scales "
              + target.name()
              + " too, and the two would fight: delete one of them");
    }
    if (target.replicas() == 0) {
      return Optional.of(
          target.name() + " is switched off (0 replicas); give it replicas to switch it on");
    }
    return stale("health", fleet.health(), situation.now())
        .or(() -> stale("load", fleet.load(), situation.now()))
        .or(() -> stale("orders to drain", fleet.orders(), situation.now()))
        .or(
            () ->
                fleet.protection().inForce()
                    ? Optional.of(fleet.protection().reason())
                    : Optional.empty())
        .or(() -> strangers(fleet, places));
  }

  private Optional<String> stale(String what, Source source, Instant now) {
    if (source.error().isPresent()) {
      return Optional.of("the registry's " + what + " cannot be had: " + source.error().get());
    }
    Optional<Duration> age = source.age(now);
    if (age.isEmpty()) {
      return Optional.of("the registry's " + what + " has not been heard of yet");
    }
    if (age.get().compareTo(settings.staleAfter()) > 0) {
      return Optional.of(
          "the registry's " + what + " was last heard of " + age.get().toSeconds() + " s ago");
    }
    return Optional.empty();
  }

  /**
   * Pods run, and the registry has none of their servers: this is the wrong service, or the wrong
   * pods.
   */
  private static Optional<String> strangers(Fleet fleet, List<Place> places) {
    List<Place> grown =
        places.stream()
            .filter(p -> p.pod().filter(Pod::ready).isPresent())
            .filter(p -> p.standing() != Standing.COMING && p.standing() != Standing.LEAVING)
            .toList();
    long strange = grown.stream().filter(p -> p.standing() == Standing.UNREGISTERED).count();
    if (strange * 2 <= grown.size()) {
      return Optional.empty();
    }
    return Optional.of(
        "implausible: of "
            + grown.size()
            + " ready pods "
            + strange
            + " have no server in service "
            + fleet.service()
            + "; is it the right service, and is each server's id its pod's name?");
  }
}
