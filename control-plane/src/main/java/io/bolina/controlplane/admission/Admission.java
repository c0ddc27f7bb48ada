package io.bolina.controlplane.admission;

import io.bolina.controlplane.admission.Decision.Standing;
import io.bolina.registry.Fleet;
import io.bolina.registry.Health;
import io.bolina.registry.Member;
import io.bolina.registry.Presence;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Decides who is open to new clients. A pure function without memory, so that any two replicas that
 * know the same fleet decide the same; what must not flutter is damped where load is published.
 *
 * <ul>
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
    boolean allOverloaded =
        fleet.members().stream().filter(m -> whyClosed(m).isEmpty()).allMatch(this::overloaded);
    return fleet.members().stream().map(m -> decide(m, allOverloaded)).toList();
  }

  /** Whether new clients had to be let onto overloaded servers because nobody else is left. */
  public static boolean bestEffort(List<Decision> decisions, AdmissionSettings settings) {
    return decisions.stream()
        .filter(Decision::open)
        .anyMatch(d -> loadOf(d.member()) >= settings.overloadedAt());
  }

  private Decision decide(Member member, boolean allOverloaded) {
    int weight = weight(member);
    if (member.presence() == Presence.GONE) {
      return new Decision(
          member, Standing.GIVEN_UP, weight, "its machine is lost for good; its clients are moved");
    }
    Optional<String> closed = whyClosed(member);
    if (closed.isPresent()) {
      return new Decision(member, Standing.CLOSED, weight, closed.get());
    }
    if (overloaded(member)) {
      String load =
          String.format(
              Locale.ROOT,
              "overloaded: load %.2f is at or above %.2f",
              loadOf(member),
              settings.overloadedAt());
      return allOverloaded
          ? new Decision(
              member,
              Standing.OPEN,
              weight,
              load + ", but so is every server that is not closed for another reason")
          : new Decision(member, Standing.CLOSED, weight, load);
    }
    return new Decision(member, Standing.OPEN, weight, whyOpen(member));
  }

  private static Optional<String> whyClosed(Member member) {
    Optional<String> unseen =
        switch (member.presence()) {
          case VANISHED -> Optional.of("vanished from the registry; kept for its sessions");
          case NODE_LOST -> Optional.of("its machine does not answer (serfHealth)");
          case GONE -> Optional.of("its machine is lost for good");
          case LISTED, HELD -> Optional.empty();
        };
    if (unseen.isPresent()) {
      return unseen;
    }
    if (member.maintenance()) {
      return Optional.of("draining (maintenance mode)");
    }
    if (member.order().isPresent()) {
      return Optional.of("draining (" + member.order().get() + ")");
    }
    if (member.health() == Health.CRITICAL) {
      return Optional.of(member.note().isEmpty() ? "critical" : "critical: " + member.note());
    }
    return Optional.empty();
  }

  private static String whyOpen(Member member) {
    String health = member.health() == Health.WARNING ? "warning, at a lower weight" : "passing";
    if (member.health() == Health.WARNING && !member.note().isEmpty()) {
      health = health + ": " + member.note();
    }
    return health
        + (member.load().isEmpty() ? "; load unknown" : "")
        + (member.presence() == Presence.HELD ? "; not listed, held as it was" : "");
  }

  private boolean overloaded(Member member) {
    return loadOf(member) >= settings.overloadedAt();
  }

  private int weight(Member member) {
    int byLoad = settings.weightSteps().at(loadOf(member));
    boolean warning = member.health() == Health.WARNING;
    return warning ? Math.max(1, (int) Math.round(byLoad * settings.warningShare())) : byLoad;
  }

  private static double loadOf(Member member) {
    return member.load().map(load -> load.load()).orElse(0.0);
  }
}
