package io.bolina.registry.fleet;

import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Protection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is made of reports that servers have ended. A report is about one server at one address;
 * that server is given up, or forgotten if it is not listed any more.
 *
 * <p>A mistake (a script, a probe of a port that is wrong everywhere) must not give up a whole
 * fleet. Reports of which the times lie within a minute of each other are given at once. If they
 * are of more than half of the servers that earlier reports have left, none of them is followed:
 * those servers are closed to new clients and keep theirs, until fewer are reported, or the limit
 * is over. It depends on what the registry has, not on the order in which that became known, so
 * that replicas agree. Servers that drain are expected to end and do not count.
 */
final class GoneRule {
  /** Reports whose times differ by no more than this are given at once. */
  static final Duration AT_ONCE = Duration.ofMinutes(1);

  private GoneRule() {}

  /**
   * Returns the fleet with the reports followed, or held.
   *
   * @param fleet its members may have earlier reports, which these replace
   * @param reports by server id
   * @param holdLimit for how long reports of too many servers are held
   */
  static Fleet apply(
      Fleet fleet, Map<String, GoneReport> reports, Duration holdLimit, Instant now) {
    if (reports.isEmpty()
        && !fleet.goneProtection().inForce()
        && fleet.members().stream().allMatch(m -> m.gone().isEmpty())) {
      return fleet;
    }
    List<Member> said =
        fleet.members().stream().map(m -> m.withGone(about(m, reports), m.goneHeld())).toList();
    return settled(fleet, said, holdLimit, now);
  }

  /**
   * Returns the fleet as time alone has changed it: reports that were held for long are followed.
   */
  static Fleet aged(Fleet fleet, Duration holdLimit, Instant now) {
    return fleet.goneHeld() ? settled(fleet, fleet.members(), holdLimit, now) : fleet;
  }

  /** When time alone will change what is made of the reports. */
  static Optional<Instant> nextChange(Fleet fleet, Duration holdLimit) {
    return fleet.goneHeld()
        ? fleet.goneProtection().heldSince().map(at -> at.plus(holdLimit))
        : Optional.empty();
  }

  private static Optional<GoneReport> about(Member member, Map<String, GoneReport> reports) {
    return Optional.ofNullable(reports.get(member.server().id()))
        .filter(report -> report.isAbout(member.server()));
  }

  private static Fleet settled(Fleet fleet, List<Member> said, Duration holdLimit, Instant now) {
    AtOnce atOnce = AtOnce.of(said);
    boolean tooMany = said.stream().anyMatch(atOnce::isOneOfTooMany);
    Optional<Instant> since =
        tooMany ? Optional.of(fleet.goneProtection().heldSince().orElse(now)) : Optional.empty();
    boolean held = since.filter(at -> now.isBefore(at.plus(holdLimit))).isPresent();
    List<Member> members = new ArrayList<>(said.size());
    for (Member member : said) {
      Member next = member.withGone(member.gone(), held && atOnce.isOneOfTooMany(member));
      boolean unlisted = next.presence() == Presence.VANISHED || next.presence() == Presence.HELD;
      if (!(unlisted && next.hasEnded())) {
        members.add(next);
      }
    }
    return fleet.withGone(
        members,
        tooMany
            ? new Protection(since, atOnce + (held ? "; they keep their clients" : "; followed"))
            : Protection.NONE);
  }

  /** Servers that drain are expected to end; one on a machine that is given up is nobody's loss. */
  private static boolean counts(Member member) {
    return !member.draining() && member.presence() != Presence.GONE;
  }

  /** The times of the reports that count. */
  private static final class AtOnce {
    /** Seconds of the Unix epoch, in order: whatever time a report may have. */
    private final long[] seconds;

    /** How many servers count, reported or not. */
    private final long servers;

    private AtOnce(long[] seconds, long servers) {
      this.seconds = seconds;
      this.servers = servers;
    }

    private static AtOnce of(List<Member> members) {
      long[] seconds =
          members.stream()
              .filter(GoneRule::counts)
              .flatMap(m -> m.gone().stream())
              .mapToLong(report -> report.since().getEpochSecond())
              .sorted()
              .toArray();
      return new AtOnce(seconds, members.stream().filter(GoneRule::counts).count());
    }

    private boolean isOneOfTooMany(Member member) {
      if (!counts(member) || member.gone().isEmpty()) {
        return false;
      }
      long at = member.gone().get().since().getEpochSecond();
      long earlier = before(at - AT_ONCE.toSeconds());
      long together = before(at + AT_ONCE.toSeconds() + 1) - earlier;
      return together * 2 > servers - earlier;
    }

    /** How many reports are of an earlier time. */
    private long before(long second) {
      int from = 0;
      int to = seconds.length;
      while (from < to) {
        int middle = (from + to) >>> 1;
        if (seconds[middle] < second) {
          from = middle + 1;
        } else {
          to = middle;
        }
      }
      return from;
    }

    @Override
    public String toString() {
      return seconds.length + " of " + servers + " servers are reported gone, too many at once";
    }
  }
}
