package io.bolina.watcher.planning;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which servers have been critical for too long, so that their pods are replaced: closed by an
 * order, so that they cannot open again meanwhile; then, when no session is left or the drain time
 * is over, evicted.
 */
final class Replacements {
  private final WatchSettings settings;
  private final RemovalCandidates candidates;

  Replacements(WatchSettings settings, RemovalCandidates candidates) {
    this.settings = settings;
    this.candidates = candidates;
  }

  /**
   * What is done about them.
   *
   * @param reasons what is not done, in words
   * @param began whether another replacement begins
   */
  record ReplacementSteps(List<PlanStep> steps, List<String> reasons, boolean began) {}

  ReplacementSteps steps(
      List<PodServer> pods,
      ScaleTarget target,
      History history,
      Optional<String> obstacle,
      ObservationTime at) {
    Instant now = at.now();
    List<PlanStep> steps = new ArrayList<>();
    List<String> reasons = new ArrayList<>();
    int disruptions = target.disruptionsAllowed();
    for (PodServer podServer : pods) {
      if (podServer.state() != PodState.REPLACING) {
        continue;
      }
      ObservedPod pod = podServer.pod().orElseThrow();
      Member server = podServer.server().orElseThrow();
      if (server.listed() && server.health() != Health.CRITICAL) {
        steps.add(
            new PlanStep.CancelDrain(
                pod.name(), server.server().id(), "its server is healthy again"));
      } else if (candidates.isDrained(podServer, at) && obstacle.isEmpty()) {
        if (!pod.ready() || disruptions-- > 0) {
          steps.add(new PlanStep.EvictPod(pod.name(), pod.uid(), "replaced: " + podServer.note()));
        } else {
          reasons.add(pod.name() + " is not replaced: a PodDisruptionBudget allows no disruption");
        }
      }
    }
    Optional<PodServer> next =
        pods.stream()
            .filter(p -> p.state() == PodState.CRITICAL)
            .filter(p -> !criticalSince(p, history, now).plus(settings.replaceAfter()).isAfter(now))
            .min(Comparator.comparing(p -> criticalSince(p, history, now)));
    if (next.isEmpty()) {
      return new ReplacementSteps(steps, reasons, false);
    }
    Optional<Instant> last = history.replacedAt();
    boolean tooSoon =
        last.filter(then -> then.plus(settings.replaceEvery()).isAfter(now)).isPresent();
    if (obstacle.isPresent() || tooSoon) {
      reasons.add(
          next.get().name()
              + " is not replaced now: "
              + obstacle.orElse(
                  "the previous replacement began less than "
                      + settings.replaceEvery().toSeconds()
                      + " s ago"));
      return new ReplacementSteps(steps, reasons, false);
    }
    Duration critical = Duration.between(criticalSince(next.get(), history, now), now);
    steps.add(
        Planner.drainStep(
            settings,
            next.get(),
            "critical for " + critical.toSeconds() + " s: to be replaced",
            PodMatcher.REPLACEMENT,
            now));
    return new ReplacementSteps(steps, reasons, true);
  }

  private static Instant criticalSince(PodServer podServer, History history, Instant now) {
    return history.criticalSince().getOrDefault(podServer.pod().orElseThrow().uid(), now);
  }
}
