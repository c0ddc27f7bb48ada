package io.bolina.registry.fleet;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Protection;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * How one listing of a registry becomes the next fleet. A pure function of the last fleet, the
 * listing, the settings and the time, so that a fleet kept in a file goes on where it was.
 *
 * <p>The rule behind it: a registry fault is never an empty fleet. A server that is no longer
 * listed is kept, closed, for {@link FleetSettings#linger}. If more than half of the listed servers
 * vanish at once, that is taken for a registry fault: the last good fleet is kept whole, and open,
 * until at least half of it is listed again or {@link FleetSettings#holdLimit} has passed. Servers
 * that were draining are expected to leave and do not count.
 *
 * <p>A server that is listed by an entry that cannot be used is closed and kept for as long as it
 * is listed so: it may live, whatever became of its entry. For a hold it counts as one that
 * vanished, since what spoils most entries at once is the registry.
 *
 * <p>Positive knowledge that a server has ended is another matter: {@link GoneRule}.
 */
public final class FleetKeeper {
  /** Why a server is closed whose entry cannot be used. */
  static final String UNUSABLE = "its registration cannot be used; see the log";

  private final FleetSettings settings;

  public FleetKeeper(FleetSettings settings) {
    this.settings = settings;
  }

  /**
   * Returns the fleet after a listing.
   *
   * @param last the fleet so far; its sources are carried over
   * @param listing what the registry lists now
   * @param loads the load reports known now, by server id
   * @param orders the orders to drain known now, by server id
   * @param gone what is said of servers that have ended, by server id
   */
  public Fleet withListing(
      Fleet last,
      ServiceListing listing,
      Map<String, LoadReport> loads,
      Map<String, DrainOrder> orders,
      Map<String, GoneReport> gone,
      Instant now) {
    // Who drains or has ended decides whether most of the fleet vanished, and that in turn decides
    // who drains or has ended. A server that is held can only become one that vanished, so this
    // ends, and the same listing once more changes nothing.
    Fleet next = once(last, listing, loads, orders, gone, now);
    boolean settled = false;
    while (!settled && next.protection().inForce()) {
      Fleet again = once(next, listing, loads, orders, gone, now);
      settled = again.equals(next);
      next = again;
    }
    return next;
  }

  private Fleet once(
      Fleet before,
      ServiceListing listing,
      Map<String, LoadReport> loads,
      Map<String, DrainOrder> orders,
      Map<String, GoneReport> gone,
      Instant now) {
    // What is known of drains and ends now, and not what was when the last listing came.
    Fleet last = withGoneReports(withDrainOrders(before, orders, now), gone, now);
    Map<Endpoint, Member> known = new HashMap<>(2 * last.members().size());
    last.members().forEach(m -> known.put(m.server().endpoint(), m));
    Map<Endpoint, ServiceListing.Instance> listed = byEndpoint(listing, gone);
    Map<Endpoint, List<String>> others =
        listed.size() == listing.instances().size() ? Map.of() : others(listing, listed);

    List<Member> members = new ArrayList<>(listed.size());
    for (Map.Entry<Endpoint, ServiceListing.Instance> entry : listed.entrySet()) {
      ServiceListing.Instance seen = entry.getValue();
      Member was = known.get(entry.getKey());
      if (was != null && onlyAnEarlierOneIsListed(was, seen, gone)) {
        continue;
      }
      known.remove(entry.getKey());
      List<String> othersHere = others.getOrDefault(entry.getKey(), List.of());
      Member member =
          was != null
              ? was.listedAs(seen, othersHere)
              : Member.listed(seen, othersHere, Optional.empty(), Optional.empty());
      members.add(seen.nodeLost() ? lost(member, was, now) : member);
    }

    // What is left of those before.
    List<Member> missing =
        known.values().stream()
            .filter(m -> m.presence() != Presence.GONE && !m.hasEnded())
            .toList();
    Protection protection = protection(last, members, missing, now);
    for (Member member : missing) {
      if (listing.unusable().contains(member.server().id()) && !protection.inForce()) {
        members.add(unusable(member));
      } else if (member.presence() == Presence.VANISHED) {
        members.add(member);
      } else if (protection.inForce() && !member.draining()) {
        members.add(member.presence() == Presence.HELD ? member : member.as(Presence.HELD, now));
      } else {
        members.add(member.as(Presence.VANISHED, now));
      }
    }
    Fleet next = GoneRule.reported(last.withMembers(members, protection), gone);
    return aged(settled(last, withEntries(next, loads, orders).withOrders(orders), now), now);
  }

  /** Returns the fleet with what is said now of servers that have ended, by server id. */
  public Fleet withGoneReports(Fleet last, Map<String, GoneReport> gone, Instant now) {
    return settled(last, GoneRule.reported(last, gone), now);
  }

  /**
   * Returns the fleet with new load reports. A server that is not listed keeps the last report it
   * had.
   */
  public Fleet withLoads(Fleet last, Map<String, LoadReport> loads) {
    SameId sameId = SameId.of(last);
    return last.withMembers(
        last.members().stream().map(m -> m.with(load(m, sameId, loads), m.order())).toList(),
        last.protection());
  }

  /** Returns the fleet with the orders to drain that are in force now, by server id. */
  public Fleet withDrainOrders(Fleet last, Map<String, DrainOrder> orders, Instant now) {
    if (orders.isEmpty() && last.members().stream().allMatch(m -> m.order().isEmpty())) {
      return settled(last, last.withOrders(orders), now);
    }
    SameId sameId = SameId.of(last);
    Fleet next =
        last.withMembers(
                last.members().stream()
                    .map(m -> m.with(m.load(), sameId.entryOf(m.server(), orders)))
                    .toList(),
                last.protection())
            .withOrders(orders);
    return settled(last, next, now);
  }

  private static Fleet withEntries(
      Fleet fleet, Map<String, LoadReport> loads, Map<String, DrainOrder> orders) {
    SameId sameId = SameId.of(fleet);
    return fleet.withMembers(
        fleet.members().stream()
            .map(m -> m.with(load(m, sameId, loads), sameId.entryOf(m.server(), orders)))
            .toList(),
        fleet.protection());
  }

  private static Optional<LoadReport> load(
      Member member, SameId sameId, Map<String, LoadReport> loads) {
    Optional<LoadReport> load = sameId.entryOf(member.server(), loads);
    return load.isEmpty() && unlisted(member) ? member.load() : load;
  }

  /** Who drains and who is seen decides about reports, too. */
  private Fleet settled(Fleet last, Fleet next, Instant now) {
    return GoneRule.settled(last, next, settings.holdLimit(), now);
  }

  /**
   * Returns the fleet as time alone has changed it: lingering ended, lost machines given up, a hold
   * at its limit.
   */
  public Fleet aged(Fleet before, Instant now) {
    Fleet fleet = settled(before, before, now);
    if (fleet
        .protection()
        .heldSince()
        .filter(at -> over(at, settings.holdLimit(), now))
        .isPresent()) {
      return release(fleet, now);
    }
    // Were every machine lost, there would be nowhere to move a client to; and it is not the
    // machines then.
    boolean someServerIsSeen =
        fleet.members().stream().anyMatch(m -> m.presence() == Presence.LISTED);
    if (nextChange(fleet).filter(at -> !now.isBefore(at)).isEmpty()) {
      return fleet;
    }
    List<Member> members = new ArrayList<>(fleet.members().size());
    for (Member m : fleet.members()) {
      switch (m.presence()) {
        case LISTED, GONE, HELD -> members.add(m);
        case NODE_LOST -> {
          boolean givenUp =
              m.since().filter(at -> over(at, settings.goneAfter(), now)).isPresent()
                  && someServerIsSeen;
          members.add(givenUp ? m.as(Presence.GONE, now) : m);
        }
        case VANISHED -> {
          if (m.since().filter(at -> over(at, settings.linger(), now)).isEmpty()) {
            members.add(m);
          }
        }
      }
    }
    return settled(fleet, fleet.withMembers(members, fleet.protection()), now);
  }

  /** Returns the fleet with the hold released: what was held has vanished. */
  public Fleet release(Fleet fleet, Instant now) {
    List<Member> members =
        fleet.members().stream()
            .map(m -> m.presence() == Presence.HELD ? m.as(Presence.VANISHED, now) : m)
            .toList();
    return aged(fleet.withMembers(members, Protection.NONE), now);
  }

  /** When time alone will next change the fleet, if it will. */
  public Optional<Instant> nextChange(Fleet fleet) {
    boolean someServerIsSeen = false;
    boolean allAreListed = true;
    for (Member m : fleet.members()) {
      someServerIsSeen |= m.listed();
      allAreListed &= m.listed();
    }
    Optional<Instant> goneHold = GoneRule.nextChange(fleet, settings.holdLimit());
    if (allAreListed && !fleet.protection().inForce()) {
      return goneHold;
    }
    List<Instant> ends = new ArrayList<>();
    goneHold.ifPresent(ends::add);
    fleet.protection().heldSince().ifPresent(at -> ends.add(at.plus(settings.holdLimit())));
    for (Member m : fleet.members()) {
      if (m.presence() == Presence.NODE_LOST && someServerIsSeen) {
        m.since().ifPresent(at -> ends.add(at.plus(settings.goneAfter())));
      } else if (m.presence() == Presence.VANISHED) {
        m.since().ifPresent(at -> ends.add(at.plus(settings.linger())));
      }
    }
    return ends.stream().min(Instant::compareTo);
  }

  /** Ids that more than one living server is registered with, with the addresses of those. */
  public static Map<String, Set<Endpoint>> duplicateIds(Fleet fleet) {
    return SameId.of(fleet).duplicates();
  }

  private static boolean unlisted(Member member) {
    return member.presence() == Presence.HELD || member.presence() == Presence.VANISHED;
  }

  /** The further ids at each endpoint that several registrations claim. */
  private static Map<Endpoint, List<String>> others(
      ServiceListing listing, Map<Endpoint, ServiceListing.Instance> chosen) {
    Map<Endpoint, List<String>> others = new HashMap<>();
    contested(listing)
        .forEach(
            (endpoint, ids) ->
                others.put(
                    endpoint,
                    ids.stream()
                        .filter(id -> !id.equals(chosen.get(endpoint).server().id()))
                        .sorted()
                        .toList()));
    return others;
  }

  /** Endpoints that more than one registration claims, with the ids that do. */
  static Map<Endpoint, Set<String>> contested(ServiceListing listing) {
    Map<Endpoint, Set<String>> ids = new HashMap<>();
    Set<Endpoint> endpoints = new HashSet<>(2 * listing.instances().size());
    listing.instances().forEach(seen -> endpoints.add(seen.server().endpoint()));
    if (endpoints.size() == listing.instances().size()) {
      return ids;
    }
    for (ServiceListing.Instance seen : listing.instances()) {
      ids.computeIfAbsent(seen.server().endpoint(), e -> new HashSet<>()).add(seen.server().id());
    }
    ids.values().removeIf(claims -> claims.size() < 2);
    return ids;
  }

  /**
   * New servers count at once, and not only when they are listed the second time: how often a
   * replica was told of them must not matter.
   */
  private static Protection protection(
      Fleet last, Collection<Member> listed, Collection<Member> missing, Instant now) {
    long lostNow = missing.stream().filter(FleetKeeper::isExpected).count();
    long expected = lostNow + listed.stream().filter(FleetKeeper::isExpected).count();
    if (lostNow * 2 <= expected) {
      return Protection.NONE;
    }
    Instant since = last.protection().heldSince().orElse(now);
    return new Protection(
        Optional.of(since),
        "the registry lost "
            + lostNow
            + " of "
            + expected
            + " servers at once; the last good fleet is kept whole");
  }

  private static boolean isExpected(Member member) {
    return !member.draining()
        && !member.hasEnded()
        && switch (member.presence()) {
          case LISTED, NODE_LOST, HELD -> true;
          case VANISHED, GONE -> false;
        };
  }

  private static Member lost(Member listed, Member before, Instant now) {
    boolean already =
        before != null
            && (before.presence() == Presence.NODE_LOST || before.presence() == Presence.GONE);
    return already
        ? listed.as(before.presence(), before.since().orElse(now))
        : listed.as(Presence.NODE_LOST, now);
  }

  /** Listed, by an entry that says nothing of it. A lost machine stays lost. */
  private static Member unusable(Member member) {
    if (member.presence() == Presence.NODE_LOST) {
      return member;
    }
    return member.listedAs(
        new ServiceListing.Instance(
            member.server(), Health.CRITICAL, member.maintenance(), false, UNUSABLE),
        member.othersHere());
  }

  private static Map<Endpoint, ServiceListing.Instance> byEndpoint(
      ServiceListing listing, Map<String, GoneReport> gone) {
    // Whoever is said to have ended does not decide about one that shares its address.
    Comparator<ServiceListing.Instance> precedence =
        Comparator.comparing(ServiceListing.Instance::nodeLost)
            .thenComparing(seen -> isSaidGone(seen.server(), gone))
            .thenComparing(ServiceListing.Instance.PRECEDENCE);
    // In the registry's order, which is most often the fleet's.
    Map<Endpoint, ServiceListing.Instance> byEndpoint =
        new LinkedHashMap<>(2 * listing.instances().size());
    for (ServiceListing.Instance seen : listing.instances()) {
      byEndpoint.merge(
          seen.server().endpoint(), seen, (a, b) -> precedence.compare(a, b) <= 0 ? a : b);
    }
    followTheWorstOfAliases(listing, gone, byEndpoint);
    return byEndpoint;
  }

  /**
   * Whoever is given an address that was another's is registered in the same spelling. Another
   * spelling is another word about the same server; of those that live, the worst counts.
   */
  private static void followTheWorstOfAliases(
      ServiceListing listing,
      Map<String, GoneReport> gone,
      Map<Endpoint, ServiceListing.Instance> byEndpoint) {
    Set<Endpoint> spelled = new HashSet<>();
    for (ServiceListing.Instance seen : listing.instances()) {
      if (seen.alias()) {
        spelled.add(seen.server().endpoint());
      }
    }
    if (spelled.isEmpty()) {
      return;
    }
    List<ServiceListing.Instance> inOrder =
        listing.instances().stream().sorted(ServiceListing.Instance.PRECEDENCE).toList();
    for (ServiceListing.Instance seen : inOrder) {
      boolean lives = !seen.nodeLost() && !seen.reportExpired() && !isSaidGone(seen.server(), gone);
      if (lives && spelled.contains(seen.server().endpoint())) {
        byEndpoint.computeIfPresent(
            seen.server().endpoint(), (at, chosen) -> chosen.asClosedAs(seen));
      }
    }
  }

  /**
   * Whether a server vanished from the registry and all that is listed at its address is another
   * that has ended: that one's end says nothing of it.
   */
  private static boolean onlyAnEarlierOneIsListed(
      Member known, ServiceListing.Instance seen, Map<String, GoneReport> gone) {
    return !known.server().id().equals(seen.server().id())
        && isSaidGone(seen.server(), gone)
        && !isSaidGone(known.server(), gone);
  }

  private static boolean isSaidGone(Server server, Map<String, GoneReport> gone) {
    GoneReport report = gone.get(server.id());
    return report != null && report.isAbout(server);
  }

  private static boolean over(Instant since, Duration length, Instant now) {
    return !now.isBefore(since.plus(length));
  }
}
