package io.bolina.watcher.reckoning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.watcher.reckoning.Plan.Alarm;
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
 * Reckons what is to be done: from a situation and a history to a plan. Nothing is remembered that
 * could not be lost: who is on its way out, and since when, is written in the registry's orders, so
 * another Watcher goes on from there.
 *
 * <ol>
 *   <li>{@link Pairing}: which server runs in which pod, and how each stands
 *   <li>{@link Trust}: whether all that may be acted upon
 *   <li>{@link Sizing} and {@link Pace}: how many pods there should be now
 *   <li>{@link Victims}: which ones go, by closing them, waiting for their sessions, and then
 *       lowering the replicas by as many as are done
 *   <li>{@link Replacing}: which ones are too ill to stay
 * </ol>
 */
public final class Reckoner {
  private final WatchSettings settings;
  private final Pairing pairing;
  private final Trust trust;
  private final Sizing sizing;
  private final Pace pace;
  private final Victims victims;
  private final Replacing replacing;

  public Reckoner(WatchSettings settings) {
    this.settings = settings;
    this.pairing = new Pairing(settings);
    this.trust = new Trust(settings);
    this.sizing = new Sizing(settings);
    this.pace = new Pace(settings);
    this.victims = new Victims(settings);
    this.replacing = new Replacing(settings, victims);
  }

  /** Reckons. */
  public Plan reckon(Situation situation, History history) {
    List<Place> places = pairing.pair(situation);
    Optional<String> frozen = trust.whyFrozen(situation, places);
    if (frozen.isPresent()) {
      int replicas = situation.target().replicas();
      return new Plan(
          situation.now(),
          frozen,
          replicas,
          replicas,
          replicas,
          "nothing is changed: " + frozen.get(),
          List.of(),
          List.of(),
          rows(places, Moment.of(situation)),
          history.interrupted(situation.now()));
    }
    return new Reckoning(situation, places, history).plan();
  }

  private List<Plan.Row> rows(List<Place> places, Moment at) {
    return places.stream()
        .map(
            p ->
                new Plan.Row(
                    p.name(),
                    p.pod().isPresent(),
                    p.pod().filter(Pod::ready).isPresent(),
                    p.standing(),
                    p.server().map(Member::health),
                    p.load(),
                    p.sessions(),
                    p.standing() == Standing.VICTIM || p.standing() == Standing.REPLACED
                        ? p.why() + ": " + victims.waitsFor(p, at)
                        : p.why()))
        .toList();
  }

  /** One reckoning under way. */
  private final class Reckoning {
    private final Situation situation;
    private final Target target;
    private final Instant now;
    private final Moment at;
    private final List<Place> places;
    private final List<Place> ofTarget;
    private final List<Place> reopenable;
    private final int surplus;
    private final int announced;
    private final int staying;
    private final List<Step> steps = new ArrayList<>();
    private final List<Alarm> alarms = new ArrayList<>();
    private final List<String> reasons = new ArrayList<>();
    private History history;

    private Reckoning(Situation situation, List<Place> places, History history) {
      this.situation = situation;
      this.target = situation.target();
      this.now = situation.now();
      this.at = Moment.of(situation);
      this.places = places;
      this.history = history;
      this.ofTarget = Victims.ofTarget(places);
      List<Place> all = victims.reopenable(places, target.removal());
      // More pods than replicas: some are about to be deleted, and those are victims, if there are
      // any.
      this.surplus = Math.max(0, ofTarget.size() - target.replicas());
      this.announced = Math.max(0, target.replicas() - ofTarget.size());
      this.reopenable = all.subList(0, Math.max(0, all.size() - surplus));
      this.staying = target.replicas() - reopenable.size();
    }

    private Plan plan() {
      tidyUp();
      Sizing.Size size = sizing.size(places, staying, announced);
      reasons.add(size.reason());
      replace(size.mostAreIll());
      int wanted = wanted(size);
      if (wanted > staying) {
        grow(wanted);
      } else {
        shrink(wanted);
      }
      warn(size);
      return new Plan(
          now,
          Optional.empty(),
          target.replicas(),
          staying,
          wanted,
          String.join("; ", reasons),
          steps,
          alarms,
          rows(places, at),
          history);
    }

    /** What an interrupted Watcher may have left behind, and what has changed since. */
    private void tidyUp() {
      situation
          .fleet()
          .members()
          .forEach(m -> m.order().ifPresent(o -> tidyUp(m.server().id(), o, Optional.of(m))));
      situation.fleet().ordersInAdvance().forEach((id, o) -> tidyUp(id, o, Optional.empty()));
      for (Place place : ofTarget) {
        Pod pod = place.pod().orElseThrow();
        boolean closed = place.server().stream().allMatch(m -> m.order().isPresent());
        if (place.standing() == Standing.VICTIM && !closed) {
          // It was ordered in advance by its pod's name, and has come by another.
          steps.add(
              drainStep(
                  settings, place, place.order().orElseThrow().reason(), Pairing.SCALE_DOWN, now));
        }
        OptionalInt cost = victims.cost(place, at);
        if (cost.isEmpty() && Victims.isMarked(pod)) {
          steps.add(unmark(pod, "it is no longer to go"));
        } else if (cost.isPresent()
            && !cost.equals(pod.deletionCost())
            && target.removal() == Removal.LOWEST_COST) {
          steps.add(mark(pod, cost.getAsInt()));
        }
      }
    }

    /** Calls off an order of this Watcher's if the pod that it was for is gone. */
    private void tidyUp(String serverId, DrainOrder order, Optional<Member> server) {
      String uid = order.notes().getOrDefault(Pairing.POD_UID, "");
      boolean thePodIsThere = situation.pods().stream().anyMatch(p -> p.uid().equals(uid));
      if (!pairing.isOwn(order) || thePodIsThere) {
        return;
      }
      boolean cameBack = ofTarget.stream().anyMatch(p -> p.name().equals(serverId));
      // A server whose pod is gone may still be listed as passing for a moment.
      boolean ended =
          server.isEmpty()
              || server.get().presence() == Presence.VANISHED
              || server.get().presence() == Presence.GONE
              || server.get().health() == Health.CRITICAL;
      if (cameBack || ended) {
        String why = cameBack ? "that was an earlier pod of this name" : "its pod is gone";
        steps.add(new Step.CallOff(serverId, serverId, why));
      }
    }

    private void replace(boolean mostAreIll) {
      Map<String, Instant> critical = new HashMap<>();
      for (Place place : ofTarget) {
        if (place.server().filter(m -> m.health() == Health.CRITICAL).isPresent()) {
          String uid = place.pod().orElseThrow().uid();
          critical.put(uid, history.criticalSince().getOrDefault(uid, now));
        }
      }
      history = history.critical(critical);
      Optional<String> hindrance =
          mostAreIll
              ? Optional.of("most of the fleet is ill")
              : target.rollout().map(what -> "a rollout is in progress");
      Replacing.Steps replaced = replacing.steps(ofTarget, target, history, hindrance, at);
      steps.addAll(replaced.steps());
      reasons.addAll(replaced.reasons());
      if (replaced.began()) {
        history = history.replaced(now);
      }
    }

    private int wanted(Sizing.Size size) {
      history = history.recommending(size.pods(), now, settings.downWindow());
      Pace.Wanted wanted = pace.wanted(size.pods(), staying, reopenable.size(), history, now);
      if (!wanted.limits().isEmpty()) {
        reasons.add(wanted.limits());
      }
      if (size.pods() > settings.max()) {
        alarms.add(
            new Alarm(
                "at-max",
                target.name(),
                "the load calls for " + size.pods() + " pods, and max is " + settings.max()));
      }
      Optional<String> mustNotShrink = whyNotShrink();
      if (wanted.pods() < staying && mustNotShrink.isPresent()) {
        reasons.add(mustNotShrink.get());
        return staying;
      }
      return wanted.pods();
    }

    private Optional<String> whyNotShrink() {
      if (target.rollout().isPresent()) {
        return Optional.of(
            "no pod is given up while a rollout is in progress: " + target.rollout().get());
      }
      if (target.removal() == Removal.UNKNOWN) {
        return Optional.of(
            "never smaller: which pods " + target.name() + " would lose cannot be known");
      }
      if (surplus > 0 || announced > 0) {
        return Optional.of(
            "no pod is given up until there are as many as told ("
                + ofTarget.size()
                + " of "
                + target.replicas()
                + ")");
      }
      return Optional.empty();
    }

    private void grow(int wanted) {
      List<Place> reopened = reopenable.subList(0, Math.min(reopenable.size(), wanted - staying));
      for (Place place : reopened) {
        callOff(place, "the load calls for it again");
      }
      int more = wanted - staying - reopened.size();
      if (more > 0) {
        int to = target.replicas() + more;
        steps.add(new Step.Scale(target.replicas(), to, String.join("; ", reasons)));
        history = history.changed(more, now, longestPeriod());
      }
    }

    private void shrink(int wanted) {
      if (wanted < staying) {
        List<Place> chosen =
            victims.candidates(places, target.removal()).stream().limit(staying - wanted).toList();
        chosen.forEach(place -> drain(place, "scale-down to " + wanted, Pairing.SCALE_DOWN));
        history = history.changed(-chosen.size(), now, longestPeriod());
      }
      boolean settled = surplus == 0 && announced == 0;
      if (!settled || target.rollout().isPresent()) {
        return;
      }
      Victims.Removable removable = victims.removable(places, target, at);
      if (removable.blocker().filter(Victims::isBetterVictim).isPresent()
          && target.removal() == Removal.LOWEST_COST
          && !reopenable.isEmpty()) {
        swap(removable.blocker().get());
      } else if (!removable.why().isEmpty()) {
        reasons.add(removable.why());
        alarms.add(new Alarm("scale-down-blocked", target.name(), removable.why()));
      }
      int to = Math.max(target.replicas() - removable.pods(), settings.min());
      if (to < target.replicas()) {
        steps.add(
            new Step.Scale(
                target.replicas(),
                to,
                "the sessions of the pods that go have ended: " + to + " stay"));
      }
    }

    /** Kubernetes would take another pod before a victim, and nobody would miss that one. */
    private void swap(Place better) {
      Place spared = reopenable.get(0);
      callOff(spared, better.name() + " goes instead: it is not Ready and has no session");
      drain(better, "goes instead of " + spared.name(), Pairing.SCALE_DOWN);
    }

    private void drain(Place place, String reason, String purpose) {
      steps.add(drainStep(settings, place, reason, purpose, now));
      if (target.removal() == Removal.LOWEST_COST) {
        steps.add(mark(place.pod().orElseThrow(), Victims.COST_OF_DRAINING));
      }
    }

    private void callOff(Place place, String reason) {
      Pod pod = place.pod().orElseThrow();
      steps.add(new Step.CallOff(pod.name(), place.serverId(), reason));
      if (Victims.isMarked(pod)) {
        steps.add(unmark(pod, reason));
      }
    }

    private void warn(Sizing.Size size) {
      if (size.mostAreIll()) {
        alarms.add(new Alarm("most-are-ill", target.name(), size.reason()));
      }
      for (Place place : ofTarget) {
        Pod pod = place.pod().orElseThrow();
        long sessions = place.sessions().orElse(0);
        if (!pod.ready() && place.server().isPresent() && sessions > 0) {
          alarms.add(
              new Alarm(
                  "not-ready-with-sessions",
                  pod.name(),
                  "pod "
                      + pod.name()
                      + " is not Ready and has "
                      + sessions
                      + " live sessions: whoever lowers the replicas ends them, whatever its deletion"
                      + " cost. Its readiness must not follow its health in the registry"));
        }
        if (place.standing() == Standing.UNREGISTERED) {
          alarms.add(
              new Alarm("unregistered", pod.name(), "pod " + pod.name() + ": " + place.why()));
        }
      }
    }

    private Duration longestPeriod() {
      Duration up = settings.up().period();
      Duration down = settings.down().period();
      return up.compareTo(down) >= 0 ? up : down;
    }
  }

  private static Step mark(Pod pod, int cost) {
    return new Step.SetDeletionCost(
        pod.name(), pod.uid(), OptionalInt.of(cost), "Kubernetes is to take it first");
  }

  private static Step unmark(Pod pod, String reason) {
    return new Step.SetDeletionCost(pod.name(), pod.uid(), OptionalInt.empty(), reason);
  }

  static Step drainStep(
      WatchSettings settings, Place place, String reason, String purpose, Instant now) {
    Pod pod = place.pod().orElseThrow();
    DrainOrder order =
        new DrainOrder(
            settings.giver(),
            now,
            reason,
            Map.of(Pairing.POD_UID, pod.uid(), Pairing.PURPOSE, purpose));
    String sessions =
        place.sessions().isPresent()
            ? String.format(Locale.ROOT, " (%d sessions)", place.sessions().getAsLong())
            : "";
    return new Step.Drain(pod.name(), place.serverId(), order, reason + sessions);
  }
}
