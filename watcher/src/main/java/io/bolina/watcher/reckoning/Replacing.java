package io.bolina.watcher.reckoning;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which critical servers are too long so, and get a new pod: closed by an order, so that they
 * cannot open again meanwhile; then, when no session is left or the drain time is over, evicted.
 */
final class Replacing {
  private final WatchSettings settings;
  private final Victims victims;

  Replacing(WatchSettings settings, Victims victims) {
    this.settings = settings;
    this.victims = victims;
  }

  /**
   * What is to be done about them.
   *
   * @param reasons in words, what is and what is not
   * @param began whether another replacement begins
   */
  record Steps(List<Step> steps, List<String> reasons, boolean began) {}

  Steps steps(
      List<Place> pods, Target target, History history, Optional<String> hindrance, Moment at) {
    Instant now = at.now();
    List<Step> steps = new ArrayList<>();
    List<String> reasons = new ArrayList<>();
    int disruptions = target.disruptionsAllowed();
    for (Place place : pods) {
      if (place.standing() != Standing.REPLACED) {
        continue;
      }
      Pod pod = place.pod().orElseThrow();
      Member server = place.server().orElseThrow();
      if (server.listed() && server.health() != Health.CRITICAL) {
        steps.add(
            new Step.CallOff(pod.name(), server.server().id(), "it is well again: not replaced"));
      } else if (victims.isDone(place, at) && hindrance.isEmpty()) {
        if (!pod.ready() || disruptions-- > 0) {
          steps.add(new Step.Evict(pod.name(), pod.uid(), "replaced: " + place.why()));
        } else {
          reasons.add(pod.name() + " is to be replaced, but a PodDisruptionBudget forbids it");
        }
      }
    }
    Optional<Place> next =
        pods.stream()
            .filter(p -> p.standing() == Standing.CRITICAL)
            .filter(p -> !criticalSince(p, history, now).plus(settings.replaceAfter()).isAfter(now))
            .min(Comparator.comparing(p -> criticalSince(p, history, now)));
    if (next.isEmpty()) {
      return new Steps(steps, reasons, false);
    }
    Optional<Instant> last = history.replacedAt();
    boolean tooSoon =
        last.filter(then -> then.plus(settings.replaceEvery()).isAfter(now)).isPresent();
    if (hindrance.isPresent() || tooSoon) {
      reasons.add(
          next.get().name()
              + " is not replaced now: "
              + hindrance.orElse("one was replaced a moment ago"));
      return new Steps(steps, reasons, false);
    }
    Duration ill = Duration.between(criticalSince(next.get(), history, now), now);
    steps.add(
        Reckoner.drainStep(
            settings,
            next.get(),
            "critical for " + ill.toSeconds() + " s: to be replaced",
            Pairing.REPLACEMENT,
            now));
    return new Steps(steps, reasons, true);
  }

  private static Instant criticalSince(Place place, History history, Instant now) {
    return history.criticalSince().getOrDefault(place.pod().orElseThrow().uid(), now);
  }
}
