package io.bolina.registry.fleet;

import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Protection;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
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
 * those servers keep their clients, and are as open or closed as without a report, until fewer are
 * reported, or the limit is over. It depends on what the registry has, not on the order in which
 * that became known, so that replicas agree. Servers that drain are expected to end and do not
 * count; but an order to drain does not hold the earlier report of another server.
 */
final class GoneRule {
  /** Reports whose times differ by no more than this are given at once. */
  static final Duration AT_ONCE = Duration.ofMinutes(1);

  private GoneRule() {}

  /**
   * Returns the fleet with what is said now of each member's end, which is still to be {@linkplain
   * #settled settled}.
   *
   * @param reports by server id
   */
  static Fleet reported(Fleet fleet, Map<String, GoneReport> reports) {
    if (reports.isEmpty() && fleet.members().stream().allMatch(m -> m.gone().isEmpty())) {
      return fleet;
    }
    return fleet.withGone(
        fleet.members().stream().map(m -> m.withGone(about(m, reports), m.goneHeld())).toList(),
        fleet.goneProtection());
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

  /**
   * Returns the fleet with the reports followed, or held. To be asked again after every change, and
   * at {@link #nextChange}: it depends on who is listed, and who drains.
   *
   * @param last the fleet before: a report that it did not have is held for the whole limit
   * @param holdLimit for how long reports of too many servers are held
   */
  static Fleet settled(Fleet last, Fleet next, Duration holdLimit, Instant now) {
    List<Member> said = next.members();
    if (!next.goneProtection().inForce() && said.stream().allMatch(m -> m.gone().isEmpty())) {
      return next;
    }
    AtOnce atOnce = AtOnce.of(said);
    List<Member> tooMany = said.stream().filter(atOnce::isOneOfTooMany).toList();
    Optional<Instant> since =
        tooMany.isEmpty()
            ? Optional.empty()
            : last.goneProtection()
                .heldSince()
                .filter(at -> now.isBefore(at.plus(holdLimit)) || !anyIsNew(last, tooMany))
                .or(() -> Optional.of(now));
    boolean held = since.filter(at -> now.isBefore(at.plus(holdLimit))).isPresent();
    List<Member> members = new ArrayList<>(said.size());
    for (Member member : said) {
      Member settled = member.withGone(member.gone(), held && atOnce.isOneOfTooMany(member));
      if (!(unlisted(settled) && settled.hasEnded())) {
        members.add(settled);
      }
    }
    return next.withGone(
        members,
        since.isPresent()
            ? new Protection(since, atOnce + (held ? "; they keep their clients" : "; followed"))
            : Protection.NONE);
  }

  /** Whether one of the reports was not there before. */
  private static boolean anyIsNew(Fleet last, List<Member> tooMany) {
    Map<Endpoint, Optional<GoneReport>> before = new HashMap<>();
    last.members().forEach(m -> before.put(m.server().endpoint(), m.gone()));
    return tooMany.stream().anyMatch(m -> !m.gone().equals(before.get(m.server().endpoint())));
  }

  private static boolean unlisted(Member member) {
    return member.presence() == Presence.VANISHED || member.presence() == Presence.HELD;
  }

  /**
   * Servers that drain are expected to end, one that is deregistered besides has, and one on a
   * machine that is given up is nobody's loss. A lost machine's is nobody to move to, so that it
   * counts only if it is reported.
   */
  private static boolean counts(Member member) {
    return !member.draining()
        && switch (member.presence()) {
          case LISTED, HELD -> true;
          case NODE_LOST -> member.gone().isPresent();
          case VANISHED, GONE -> false;
        };
  }

  /** The times of the reports that count. */
  private static final class AtOnce {
    /** Seconds of the Unix epoch, in order: whatever time a report may have. */
    private final long[] seconds;

    /** How many servers count, reported or not. */
    private final long servers;

    /** When those that drain, and are not reported, were ordered to, in order. */
    private final long[] drained;

    private AtOnce(long[] seconds, long servers, long[] drained) {
      this.seconds = seconds;
      this.servers = servers;
      this.drained = drained;
    }

    private static AtOnce of(List<Member> members) {
      long[] seconds =
          members.stream()
              .filter(GoneRule::counts)
              .flatMap(m -> m.gone().stream())
              .mapToLong(report -> report.since().getEpochSecond())
              .sorted()
              .toArray();
      long[] drained =
          members.stream()
              .filter(m -> m.gone().isEmpty() && !m.maintenance())
              .filter(m -> m.presence() == Presence.LISTED || m.presence() == Presence.HELD)
              .flatMap(m -> m.order().stream())
              .mapToLong(order -> order.since().getEpochSecond())
              .sorted()
              .toArray();
      return new AtOnce(seconds, members.stream().filter(GoneRule::counts).count(), drained);
    }

    private boolean isOneOfTooMany(Member member) {
      if (!counts(member) || member.gone().isEmpty()) {
        return false;
      }
      long at = member.gone().get().since().getEpochSecond();
      long earlier = before(seconds, at - AT_ONCE.toSeconds());
      long together = before(seconds, at + AT_ONCE.toSeconds() + 1) - earlier;
      return together * 2 > servers + drainedAfter(at) - earlier;
    }

    /**
     * How many servers count though they drain, since they were ordered to only after the report: a
     * report that was followed once is not to be held for a drain that began later. A report
     * without a time has none that began later.
     */
    private long drainedAfter(long at) {
      return at == Instant.EPOCH.getEpochSecond() ? 0 : drained.length - before(drained, at + 1);
    }

    /** How many are of an earlier time. */
    private static long before(long[] seconds, long second) {
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
