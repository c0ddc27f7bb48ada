package io.bolina.watcher.planning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.watcher.planning.Plan.Alarm;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Makes a plan from the observed state and a history. Nothing is remembered that could not be lost:
 * which pods are being removed, and since when, is in the registry's drain orders, so another
 * Watcher goes on from there.
 *
 * <ol>
 *   <li>{@link PodMatcher}: which server runs in which pod, and the state of each
 *   <li>{@link SafetyCheck}: whether the state may be acted upon
 *   <li>{@link DesiredReplicas} and {@link ScalingPolicy}: how many pods there should be now
 *   <li>{@link RemovalCandidates}: which ones go, by closing them, waiting for their sessions, and
 *       then lowering the replicas by as many as are drained
 *   <li>{@link Replacements}: which ones are replaced
 * </ol>
 */
public final class Planner {
  private static final String FIRST = "Kubernetes should remove it first";

  private final WatchSettings settings;
  private final PodMatcher matcher;
  private final SafetyCheck safety;
  private final DesiredReplicas desiredReplicas;
  private final ScalingPolicy policy;
  private final RemovalCandidates candidates;
  private final Replacements replacements;

  public Planner(WatchSettings settings) {
    this.settings = settings;
    this.matcher = new PodMatcher(settings);
    this.safety = new SafetyCheck(settings);
    this.desiredReplicas = new DesiredReplicas(settings);
    this.policy = new ScalingPolicy(settings);
    this.candidates = new RemovalCandidates(settings);
    this.replacements = new Replacements(settings, candidates);
  }

  /** Makes a plan. */
  public Plan plan(ObservedState state, History history) {
    List<PodServer> podServers = matcher.match(state);
    Optional<String> suspended = safety.whySuspended(state, podServers);
    if (suspended.isPresent()) {
      int replicas = state.target().replicas();
      return new Plan(
          state.now(),
          suspended,
          replicas,
          replicas,
          replicas,
          "scaling suspended: " + suspended.get(),
          List.of(),
          List.of(),
          rows(podServers, ObservationTime.of(state)),
          history.interrupted(state.now()));
    }
    return new PlanBuilder(state, podServers, history).plan();
  }

  private List<Plan.PodRow> rows(List<PodServer> podServers, ObservationTime at) {
    return podServers.stream()
        .map(
            p ->
                new Plan.PodRow(
                    p.name(),
                    p.pod().isPresent(),
                    p.pod().filter(ObservedPod::ready).isPresent(),
                    p.state(),
                    p.server().map(Member::health),
                    p.load(),
                    p.sessions(),
                    p.state() == PodState.REMOVING || p.state() == PodState.REPLACING
                        ? p.note() + ": " + candidates.waitsFor(p, at)
                        : p.note()))
        .toList();
  }

  /** A plan in the making. */
  private final class PlanBuilder {
    private final ObservedState state;
    private final ScaleTarget target;
    private final Instant now;
    private final ObservationTime at;
    private final List<PodServer> podServers;
    private final List<PodServer> ofTarget;
    private final List<PodServer> reopenable;
    private final int surplus;
    private final int missing;
    private final int staying;
    private final List<PlanStep> steps = new ArrayList<>();
    private final List<Alarm> alarms = new ArrayList<>();
    private final List<String> reasons = new ArrayList<>();
    private History history;

    private PlanBuilder(ObservedState state, List<PodServer> podServers, History history) {
      this.state = state;
      this.target = state.target();
      this.now = state.now();
      this.at = ObservationTime.of(state);
      this.podServers = podServers;
      this.history = history;
      this.ofTarget = RemovalCandidates.ofTarget(podServers);
      List<PodServer> all = candidates.reopenable(podServers, target.removalOrder());
      // More pods than replicas: some are about to be deleted, and those are the ones being
      // removed,
      // if there are any.
      this.surplus = Math.max(0, ofTarget.size() - target.replicas());
      this.missing = Math.max(0, target.replicas() - ofTarget.size());
      this.reopenable = all.subList(0, Math.max(0, all.size() - surplus));
      this.staying = target.replicas() - reopenable.size();
    }

    private Plan plan() {
      cleanUp();
      DesiredReplicas.Estimate estimate = desiredReplicas.estimate(podServers, staying, missing);
      reasons.add(estimate.reason());
      replace(estimate.mostUnhealthy());
      int desired = desired(estimate);
      if (desired > staying) {
        grow(desired);
      } else {
        shrink(desired);
      }
      raiseAlarms(estimate);
      return new Plan(
          now,
          Optional.empty(),
          target.replicas(),
          staying,
          desired,
          String.join("; ", reasons),
          steps,
          alarms,
          rows(podServers, at),
          history);
    }

    /** What an interrupted Watcher may have left unfinished, and what has changed since. */
    private void cleanUp() {
      state
          .fleet()
          .members()
          .forEach(m -> m.order().ifPresent(o -> cleanUp(m.server().id(), o, Optional.of(m))));
      state.fleet().ordersInAdvance().forEach((id, o) -> cleanUp(id, o, Optional.empty()));
      for (PodServer podServer : ofTarget) {
        boolean closed = podServer.server().stream().allMatch(m -> m.order().isPresent());
        if (podServer.state() == PodState.REMOVING && !closed) {
          // It was ordered in advance by its pod's name, and its server has another id.
          steps.add(
              drainStep(
                  settings,
                  podServer,
                  podServer.order().orElseThrow().reason(),
                  PodMatcher.SCALE_DOWN,
                  now));
        }
        mark(podServer);
      }
    }

    /** Has a pod marked as what it is: one to be removed, one that drains, or neither. */
    private void mark(PodServer podServer) {
      ObservedPod pod = podServer.pod().orElseThrow();
      OptionalInt cost = candidates.cost(podServer, at);
      boolean drains =
          podServer.state() == PodState.REMOVING || podServer.state() == PodState.REPLACING;
      if (cost.isEmpty() && RemovalCandidates.isMarked(pod)) {
        steps.add(markStep(pod, OptionalInt.empty(), drains, "it is not removed any more"));
      } else if (cost.isPresent()
          && !cost.equals(pod.deletionCost())
          && target.removalOrder() == RemovalOrder.LOWEST_COST) {
        steps.add(markStep(pod, cost, drains, FIRST));
      } else {
        PlanStep.MarkPod step =
            markStep(
                pod,
                pod.deletionCost(),
                drains,
                drains ? "its node should stay while it drains" : "it does not drain any more");
        if (!step.annotations().isEmpty()) {
          steps.add(step);
        }
      }
    }

    /** Cancels an order of this Watcher's if the pod that it was for is gone. */
    private void cleanUp(String serverId, DrainOrder order, Optional<Member> server) {
      String uid = order.notes().getOrDefault(PodMatcher.POD_UID, "");
      boolean podExists = state.pods().stream().anyMatch(p -> p.uid().equals(uid));
      if (!matcher.isOwn(order) || podExists) {
        return;
      }
      boolean nameReused = ofTarget.stream().anyMatch(p -> p.name().equals(serverId));
      // A server whose pod is gone may still be listed as passing for a moment.
      boolean ended =
          server.isEmpty()
              || server.get().presence() == Presence.VANISHED
              || server.get().presence() == Presence.GONE
              || server.get().health() == Health.CRITICAL;
      if (nameReused || ended) {
        String why =
            nameReused ? "the order was for an earlier pod of this name" : "its pod was removed";
        steps.add(new PlanStep.CancelDrain(serverId, serverId, why, !nameReused));
      }
    }

    private void replace(boolean mostUnhealthy) {
      Map<String, Instant> critical = new HashMap<>();
      for (PodServer podServer : ofTarget) {
        if (podServer.server().filter(m -> m.health() == Health.CRITICAL).isPresent()) {
          String uid = podServer.pod().orElseThrow().uid();
          critical.put(uid, history.criticalSince().getOrDefault(uid, now));
        }
      }
      history = history.critical(critical);
      Optional<String> obstacle =
          mostUnhealthy
              ? Optional.of("most servers are unhealthy")
              : target.rollout().map(what -> "rollout in progress");
      Replacements.ReplacementSteps replaced =
          replacements.steps(ofTarget, target, history, obstacle, at);
      steps.addAll(replaced.steps());
      reasons.addAll(replaced.reasons());
      if (replaced.began()) {
        history = history.replaced(now);
      }
    }

    private int desired(DesiredReplicas.Estimate estimate) {
      history = history.recommending(estimate.pods(), now, settings.downWindow());
      ScalingPolicy.BoundedReplicas bounded =
          policy.bounded(estimate.pods(), staying, reopenable.size(), history, now);
      if (!bounded.limits().isEmpty()) {
        reasons.add(bounded.limits());
      }
      if (estimate.pods() > settings.max()) {
        alarms.add(
            new Alarm(
                "at-max",
                target.name(),
                "the load needs " + estimate.pods() + " pods, max is " + settings.max()));
      }
      int neverCreated = neverCreated(estimate);
      if (neverCreated > 0) {
        steps.add(
            new PlanStep.SetReplicas(
                target.replicas(),
                target.replicas() - neverCreated,
                neverCreated + " pods that cannot be created are not needed any more"));
        reasons.add(neverCreated + " pods that cannot be created are given up first");
        return staying;
      }
      Optional<String> noScaleDown = whyNoScaleDown();
      if (bounded.pods() < staying && noScaleDown.isPresent()) {
        reasons.add(noScaleDown.get());
        return staying;
      }
      return bounded.pods();
    }

    /**
     * How many of the pods that Kubernetes cannot create, for want of quota for instance, are not
     * needed. Nobody loses anything with them, so they need no drain, no window and no rate, nor
     * that the others be as many as wanted.
     */
    private int neverCreated(DesiredReplicas.Estimate estimate) {
      boolean may =
          target.creationFailure().isPresent()
              && target.rollout().isEmpty()
              && !estimate.mostUnhealthy();
      int most = Math.min(missing, target.replicas() - settings.min());
      return may ? Math.max(0, Math.min(most, staying - estimate.pods())) : 0;
    }

    private Optional<String> whyNoScaleDown() {
      if (target.rollout().isPresent()) {
        return Optional.of("no scale-down during a rollout: " + target.rollout().get());
      }
      if (target.removalOrder() == RemovalOrder.UNKNOWN) {
        return Optional.of("no scale-down: which pods " + target.name() + " would lose is unknown");
      }
      if (surplus > 0 || missing > 0) {
        return Optional.of(
            "no scale-down until the pods match the replicas ("
                + ofTarget.size()
                + " of "
                + target.replicas()
                + ")");
      }
      return Optional.empty();
    }

    private void grow(int desired) {
      List<PodServer> reopened =
          reopenable.subList(0, Math.min(reopenable.size(), desired - staying));
      for (PodServer podServer : reopened) {
        cancelDrain(podServer, "the load needs it again");
      }
      int more = desired - staying - reopened.size();
      if (more > 0) {
        int to = target.replicas() + more;
        steps.add(new PlanStep.SetReplicas(target.replicas(), to, String.join("; ", reasons)));
        history = history.changed(more, now, longestPeriod());
      }
    }

    private void shrink(int desired) {
      if (desired < staying) {
        List<PodServer> chosen =
            candidates.candidates(podServers, target.removalOrder()).stream()
                .limit(staying - desired)
                .toList();
        chosen.forEach(
            podServer -> drain(podServer, "scale-down to " + desired, PodMatcher.SCALE_DOWN));
        history = history.changed(-chosen.size(), now, longestPeriod());
      }
      boolean settled = surplus == 0 && missing == 0;
      if (!settled || target.rollout().isPresent()) {
        return;
      }
      RemovalCandidates.Removable removable = candidates.removable(podServers, target, at);
      if (removable.blocker().filter(RemovalCandidates::isBetterCandidate).isPresent()
          && target.removalOrder() == RemovalOrder.LOWEST_COST
          && !reopenable.isEmpty()) {
        swap(removable.blocker().get());
      } else if (!removable.why().isEmpty()) {
        reasons.add(removable.why());
        alarms.add(new Alarm("scale-down-blocked", target.name(), removable.why()));
      }
      int to = Math.max(target.replicas() - removable.pods(), settings.min());
      if (to < target.replicas()) {
        steps.add(
            new PlanStep.SetReplicas(
                target.replicas(), to, "pods drained: " + (target.replicas() - to)));
      }
    }

    /**
     * Kubernetes would remove another pod before a drained one, and that one has nothing to lose.
     */
    private void swap(PodServer better) {
      PodServer spared = reopenable.get(0);
      cancelDrain(
          spared, better.name() + " is removed instead: it is not Ready and has no session");
      drain(better, "removed instead of " + spared.name(), PodMatcher.SCALE_DOWN);
    }

    private void drain(PodServer podServer, String reason, String purpose) {
      steps.add(drainStep(settings, podServer, reason, purpose, now));
      if (target.removalOrder() == RemovalOrder.LOWEST_COST) {
        steps.add(
            markStep(
                podServer.pod().orElseThrow(),
                OptionalInt.of(RemovalCandidates.COST_OF_DRAINING),
                true,
                FIRST));
      }
    }

    private void cancelDrain(PodServer podServer, String reason) {
      ObservedPod pod = podServer.pod().orElseThrow();
      steps.add(new PlanStep.CancelDrain(pod.name(), podServer.serverId(), reason));
      if (RemovalCandidates.isMarked(pod)) {
        steps.add(markStep(pod, OptionalInt.empty(), false, reason));
      }
    }

    private void raiseAlarms(DesiredReplicas.Estimate estimate) {
      target
          .creationFailure()
          .filter(why -> missing > 0)
          .ifPresent(
              why ->
                  alarms.add(
                      new Alarm(
                          "pods-not-created",
                          target.name(),
                          missing + " pods cannot be created: " + why)));
      if (estimate.mostUnhealthy()) {
        alarms.add(new Alarm("most-unhealthy", target.name(), estimate.reason()));
      }
      for (PodServer podServer : ofTarget) {
        ObservedPod pod = podServer.pod().orElseThrow();
        long sessions = podServer.sessions().orElse(0);
        if (!pod.ready() && podServer.server().isPresent() && sessions > 0) {
          alarms.add(
              new Alarm(
                  "not-ready-with-sessions",
                  pod.name(),
                  "pod "
                      + pod.name()
                      + " is not Ready and has "
                      + sessions
                      + " live sessions, which end if anybody lowers the replicas, whatever its deletion"
                      + " cost; readiness must not follow health in the registry"));
        }
        if (podServer.state() == PodState.UNREGISTERED) {
          alarms.add(
              new Alarm("unregistered", pod.name(), "pod " + pod.name() + ": " + podServer.note()));
        }
      }
    }

    private Duration longestPeriod() {
      Duration up = settings.up().period();
      Duration down = settings.down().period();
      return up.compareTo(down) >= 0 ? up : down;
    }
  }

  private PlanStep.MarkPod markStep(
      ObservedPod pod, OptionalInt cost, boolean drains, String reason) {
    return new PlanStep.MarkPod(
        pod.name(),
        pod.uid(),
        cost,
        settings.drainAnnotations().changes(pod.annotations(), drains),
        reason);
  }

  static PlanStep drainStep(
      WatchSettings settings, PodServer podServer, String reason, String purpose, Instant now) {
    ObservedPod pod = podServer.pod().orElseThrow();
    DrainOrder order =
        new DrainOrder(
            settings.author(),
            now,
            reason,
            Map.of(PodMatcher.POD_UID, pod.uid(), PodMatcher.PURPOSE, purpose));
    String sessions =
        podServer.sessions().isPresent()
            ? String.format(Locale.ROOT, " (%d sessions)", podServer.sessions().getAsLong())
            : "";
    return new PlanStep.DrainServer(pod.name(), podServer.serverId(), order, reason + sessions);
  }
}
