package io.bolina.controlplane.admission;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Decides who is open to new clients. A pure function without memory, so that any two replicas that
 * know the same fleet decide the same; what must not flutter is damped where load is published.
 *
 * <ul>
 *   <li>Known to have ended, or on a machine that is given up: no longer served, its clients are
 *       moved.
 *   <li>Critical, draining, vanished, or on a lost machine: closed, always.
 *   <li>Load at or above {@link AdmissionSettings#overloadedAt}: closed, unless every server that
 *       could be open is overloaded. Then all of those are open: overloaded is better than nobody,
 *       critical is not.
 *   <li>Anything else is open, with a weight that falls with its load and is lower in warning.
 * </ul>
 */
public final class Admission {
  private final AdmissionSettings settings;

  public Admission(AdmissionSettings settings) {
    this.settings = settings;
  }

  /** Decides about every server of the fleet, in the fleet's order. */
  public List<Decision> decide(Fleet fleet) {
    return decide(fleet, List.of());
  }

  /**
   * The same, with the decisions on servers about which nothing is new left as they are: the very
   * same objects, which shows later steps that nothing is new.
   *
   * @param last what was decided about the fleet before, by an admission of the same settings
   */
  public List<Decision> decide(Fleet fleet, List<Decision> last) {
    boolean allOverloaded = true;
    for (Member member : fleet.members()) {
      if (!closed(member) && !overloaded(member)) {
        allOverloaded = false;
        break;
      }
    }
    List<Decision> decisions = new ArrayList<>(fleet.members().size());
    int i = 0;
    for (Member member : fleet.members()) {
      while (i < last.size() && isBefore(last.get(i).member(), member)) {
        i++;
      }
      boolean known = i < last.size() && last.get(i).member().equals(member);
      // Of the other servers, only what an overloaded one may do depends.
      boolean holds = known && !overloaded(member);
      decisions.add(holds ? last.get(i) : decide(member, allOverloaded));
      i += known ? 1 : 0;
    }
    return Collections.unmodifiableList(decisions);
  }

  private static boolean isBefore(Member one, Member other) {
    return !DecisionChanges.same(one, other) && one.server().compareTo(other.server()) < 0;
  }

  /** Whether new clients had to be let onto overloaded servers because no other is left. */
  public static boolean bestEffort(List<Decision> decisions, AdmissionSettings settings) {
    for (Decision decision : decisions) {
      if (decision.open() && loadOf(decision.member()) >= settings.load().overloadedAt()) {
        return true;
      }
    }
    return false;
  }

  private Decision decide(Member member, boolean allOverloaded) {
    int weight = weight(member);
    Optional<String> ended = whyGivenUp(member);
    if (ended.isPresent()) {
      return new Decision(member, AdmissionStatus.GIVEN_UP, weight, ended.get());
    }
    Optional<String> closed = whyClosed(member);
    if (closed.isPresent()) {
      return new Decision(member, AdmissionStatus.CLOSED, weight, closed.get());
    }
    if (overloaded(member)) {
      String load =
          String.format(
              Locale.ROOT,
              "overloaded: load %.2f is at or above %.2f",
              loadOf(member),
              settings.load().overloadedAt());
      return allOverloaded
          ? new Decision(
              member,
              AdmissionStatus.OPEN,
              weight,
              load + ", but so is every server that is not closed for another reason")
          : new Decision(member, AdmissionStatus.CLOSED, weight, load);
    }
    return new Decision(member, AdmissionStatus.OPEN, weight, whyOpen(member));
  }

  private static Optional<String> whyGivenUp(Member member) {
    if (member.hasEnded()) {
      return member.gone().map(report -> "gone: " + report + "; clients are moved");
    }
    return member.presence() == Presence.GONE
        ? Optional.of("node lost; clients are moved")
        : Optional.empty();
  }

  private static boolean closed(Member member) {
    boolean seen = member.presence() == Presence.LISTED || member.presence() == Presence.HELD;
    return !seen || member.hasEnded() || member.draining() || member.health() == Health.CRITICAL;
  }

  private static Optional<String> whyClosed(Member member) {
    return closed(member) ? Optional.of(reasonToClose(member)) : Optional.empty();
  }

  private static String reasonToClose(Member member) {
    return switch (member.presence()) {
      case VANISHED -> "vanished from the registry; kept for its sessions";
      case NODE_LOST -> "node does not respond (serfHealth critical)";
      case GONE -> "node lost";
      case LISTED, HELD -> {
        if (member.maintenance()) {
          yield "draining (maintenance mode)";
        }
        if (member.order().isPresent()) {
          yield "draining (" + member.order().get() + ")";
        }
        yield member.note().isEmpty() ? "critical" : "critical: " + member.note();
      }
    };
  }

  private static String whyOpen(Member member) {
    String health = member.health() == Health.WARNING ? "warning, at a lower weight" : "passing";
    if (member.health() == Health.WARNING && !member.note().isEmpty()) {
      health = health + ": " + member.note();
    }
    return health
        + (member.load().isEmpty() ? "; load unknown" : "")
        + (member.presence() == Presence.HELD ? "; not listed, held as it was" : "")
        + (member.goneHeld() ? "; reported gone, as too many are at once" : "");
  }

  private boolean overloaded(Member member) {
    return loadOf(member) >= settings.load().overloadedAt();
  }

  private int weight(Member member) {
    int byLoad = settings.load().weightSteps().at(loadOf(member));
    boolean warning = member.health() == Health.WARNING;
    return warning ? Math.max(1, (int) Math.round(byLoad * settings.warningShare())) : byLoad;
  }

  private static double loadOf(Member member) {
    return member.load().map(load -> load.load()).orElse(0.0);
  }
}
