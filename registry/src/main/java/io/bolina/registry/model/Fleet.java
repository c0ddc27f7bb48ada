package io.bolina.registry.model;

import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * One consistent snapshot of a service: its servers in a stable order, and how much the snapshot
 * can be trusted.
 *
 * @param service the service
 * @param members the servers and their states, sorted by {@link Server#compareTo}; at most one for
 *     an endpoint
 * @param protection whether the registry is followed, or the last good fleet is held
 * @param goneProtection whether reports that servers have ended are followed, or were given of too
 *     many servers at once
 * @param health where the servers' listing and health come from, and how old that is
 * @param load where their load reports come from, and how old that is
 * @param orders where orders to drain come from, and how old that is
 * @param gone where reports of servers that have ended come from, and how old that is
 * @param ordersInAdvance orders to drain for servers that are not among the members, by server id:
 *     should one of that id come, it is closed from the beginning
 */
public record Fleet(
    String service,
    List<Member> members,
    Protection protection,
    Protection goneProtection,
    Source health,
    Source load,
    Source orders,
    Source gone,
    Map<String, DrainOrder> ordersInAdvance) {

  public Fleet {
    ordersInAdvance = Collections.unmodifiableMap(new TreeMap<>(ordersInAdvance));
    members = inOrder(members);
  }

  /** A fleet of which no server is said to have ended. */
  public Fleet(
      String service,
      List<Member> members,
      Protection protection,
      Source health,
      Source load,
      Source orders,
      Map<String, DrainOrder> ordersInAdvance) {
    this(
        service,
        members,
        protection,
        Protection.NONE,
        health,
        load,
        orders,
        Source.NEVER_UPDATED,
        ordersInAdvance);
  }

  private static List<Member> inOrder(List<Member> members) {
    for (int i = 1; i < members.size(); i++) {
      if (members.get(i - 1).server().compareTo(members.get(i).server()) > 0) {
        return members.stream().sorted((a, b) -> a.server().compareTo(b.server())).toList();
      }
    }
    return List.copyOf(members);
  }

  /** Before the first answer: no server, from sources that never answered. */
  public static Fleet unknown(String service) {
    return new Fleet(
        service,
        List.of(),
        Protection.NONE,
        Source.NEVER_UPDATED,
        Source.NEVER_UPDATED,
        Source.NEVER_UPDATED,
        Map.of());
  }

  /** The same servers, each as the function makes it. */
  public Fleet withMembers(List<Member> newMembers, Protection newProtection) {
    return with(
        newMembers, newProtection, goneProtection, health, load, orders, gone, ordersInAdvance);
  }

  /** The same servers with what is made of the reports of their end. */
  public Fleet withGone(List<Member> newMembers, Protection newGoneProtection) {
    return with(
        newMembers, protection, newGoneProtection, health, load, orders, gone, ordersInAdvance);
  }

  private Fleet with(
      List<Member> newMembers,
      Protection newProtection,
      Protection newGoneProtection,
      Source newHealth,
      Source newLoad,
      Source newOrders,
      Source newGone,
      Map<String, DrainOrder> inAdvance) {
    return new Fleet(
        service,
        newMembers,
        newProtection,
        newGoneProtection,
        newHealth,
        newLoad,
        newOrders,
        newGone,
        inAdvance);
  }

  /** The same, with those of some orders that are for none of the members. */
  public Fleet withOrders(Map<String, DrainOrder> all) {
    if (all.isEmpty() && ordersInAdvance.isEmpty()) {
      return this;
    }
    Map<String, DrainOrder> inAdvance = new TreeMap<>(all);
    members.forEach(m -> inAdvance.remove(m.server().id()));
    return with(members, protection, goneProtection, health, load, orders, gone, inAdvance);
  }

  /** The same servers, with the sources as they are now. */
  public Fleet withSources(Source newHealth, Source newLoad, Source newOrders, Source newGone) {
    return with(
        members,
        protection,
        goneProtection,
        newHealth,
        newLoad,
        newOrders,
        newGone,
        ordersInAdvance);
  }

  /** The same, with every time since which something holds moved on. */
  Fleet shifted(Duration by) {
    return with(
        members.stream().map(m -> m.shifted(by)).toList(),
        protection.shifted(by),
        goneProtection.shifted(by),
        health,
        load,
        orders,
        gone,
        ordersInAdvance);
  }

  /** Whether reports of servers that have ended are not followed, since they are of too many. */
  public boolean goneHeld() {
    return members.stream().anyMatch(Member::goneHeld);
  }

  /**
   * Whether both fleets lead to the same decisions: same servers in the same states. The age of the
   * sources and the notes of the checks, which change all the time, do not count.
   */
  public boolean sameServersAs(Fleet other) {
    return service.equals(other.service)
        && protection.equals(other.protection)
        && goneProtection.equals(other.goneProtection)
        && sameBarNotes(members, other.members);
  }

  private static boolean sameBarNotes(List<Member> some, List<Member> others) {
    if (some.size() != others.size()) {
      return false;
    }
    for (int i = 0; i < some.size(); i++) {
      Member one = some.get(i);
      Member other = others.get(i);
      if (!one.equals(other) && !one.withoutNote().equals(other.withoutNote())) {
        return false;
      }
    }
    return true;
  }
}
