package io.bolina.registry;

import java.util.List;
import java.util.stream.Collectors;

/**
 * One consistent snapshot of a service: its servers in a stable order, and how much the snapshot
 * can be trusted.
 *
 * @param service the service
 * @param members the servers and their states, sorted by {@link Server#compareTo}; at most one for
 *     an endpoint
 * @param protection whether the registry's word is taken as it comes
 * @param health where the servers' listing and health come from, and how old that is
 * @param load where their load reports come from, and how old that is
 * @param orders where orders to drain come from, and how old that is
 */
public record Fleet(
    String service,
    List<Member> members,
    Protection protection,
    Source health,
    Source load,
    Source orders) {

  public Fleet {
    members = members.stream().sorted((a, b) -> a.server().compareTo(b.server())).toList();
  }

  /** What is known before anything was heard: no server, from sources that never answered. */
  public static Fleet unknown(String service) {
    return new Fleet(
        service,
        List.of(),
        Protection.NONE,
        Source.NEVER_HEARD,
        Source.NEVER_HEARD,
        Source.NEVER_HEARD);
  }

  /** The same servers, each as the function makes it. */
  Fleet withMembers(List<Member> newMembers, Protection newProtection) {
    return new Fleet(service, newMembers, newProtection, health, load, orders);
  }

  /** The same servers, with the sources as they are now. */
  Fleet withSources(Source newHealth, Source newLoad, Source newOrders) {
    return new Fleet(service, members, protection, newHealth, newLoad, newOrders);
  }

  /**
   * Whether both fleets lead to the same decisions: same servers in the same states. The age of the
   * sources and the notes of the checks, which change all the time, do not count.
   */
  public boolean sameServersAs(Fleet other) {
    return service.equals(other.service)
        && protection.equals(other.protection)
        && bare(members).equals(bare(other.members));
  }

  private static List<Member> bare(List<Member> members) {
    return members.stream().map(Member::withoutNote).collect(Collectors.toList());
  }
}
