package io.bolina.controlplane.admin;

import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.admission.AdmissionStatus;
import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.gate.GateRule;
import io.bolina.controlplane.gate.GateRules;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.controlplane.stream.EnvoyStatus;
import io.bolina.registry.ServerToken;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Network;
import io.bolina.runtime.HostPort;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What {@code /fleet} shows, as JSON: per service its servers with what was decided and why, the
 * state of the registry, and per Envoy what it has acknowledged.
 */
public record FleetPage(boolean ready, List<FleetService> services, List<EnvoyStatus> envoys) {

  /**
   * A service.
   *
   * @param listen where Envoys listen for it
   * @param version of the load assignment that is served: replicas that agree show the same
   * @param versionWithTokens of the one for Envoys whose {@code tokens} are {@code on}
   * @param open servers open to new clients
   * @param drainOrdersWithoutServer orders to drain for servers that are not registered, by server
   *     id: a typing error, or a server that is expected
   * @param bestEffort whether those are overloaded, because no other is left
   */
  public record FleetService(
      String service,
      String listen,
      String version,
      String versionWithTokens,
      long open,
      long closed,
      long givenUp,
      boolean bestEffort,
      FleetRegistry registry,
      FleetGate gate,
      Map<String, String> drainOrdersWithoutServer,
      List<FleetServer> servers) {}

  /**
   * The gate in front of a service. Which Envoys have it is said with each.
   *
   * @param version of the rules that are served: an Envoy's cluster bolina-gate.(service) has them
   * @param rules the kinds of rule that reject
   * @param shadowRules the kinds of rule that count what they would reject
   * @param shieldsUp whether only known clients may pass
   * @param deniedByOrder networks denied in the registry
   */
  public record FleetGate(
      String version,
      List<String> rules,
      List<String> shadowRules,
      boolean shieldsUp,
      List<String> deniedByOrder,
      FleetSource orders) {}

  /**
   * What is known from the registry, and how old that is.
   *
   * @param following {@code registry}, or {@code last-good-fleet} while most of the fleet vanished
   *     at once and is held
   * @param reason why the last good fleet is held
   * @param goneReportsHeld why reports of servers that have ended are not followed; null while they
   *     are
   */
  public record FleetRegistry(
      String following,
      Instant heldSince,
      String reason,
      String goneReportsHeld,
      FleetSource health,
      FleetSource load,
      FleetSource drainOrders,
      FleetSource goneReports) {}

  /**
   * One of the registry's sources.
   *
   * @param lastUpdate when it last answered
   * @param ageSeconds how long ago that was
   * @param error why it does not answer now; null while it does
   */
  public record FleetSource(Instant lastUpdate, Double ageSeconds, String error) {}

  /**
   * A server, and what was decided about it.
   *
   * @param presence whether the registry lists it: listed, node_lost, gone, vanished or held
   * @param since since when it is not listed as usual
   * @param load null if unknown
   * @param open whether new clients may reach it
   * @param gone who says that it has ended, and how that is known; null if nobody does
   * @param othersHere further ids registered at its address: ghosts, or a mistake
   * @param token by which its clients' datagrams may name it, in hexadecimal
   */
  public record FleetServer(
      String id,
      String address,
      String zone,
      String health,
      boolean draining,
      String presence,
      Instant since,
      Double load,
      Long sessions,
      Map<String, Double> metrics,
      boolean open,
      String status,
      int weight,
      String reason,
      String gone,
      List<String> othersHere,
      String token,
      Map<String, String> metadata) {}

  /**
   * The versions of a service's load assignment.
   *
   * @param plain for Envoys that choose servers themselves
   * @param withTokens for Envoys whose module chooses
   */
  public record ServedVersions(String plain, String withTokens) {}

  /** One service of the page. */
  public static FleetService service(
      UdpService service,
      Fleet fleet,
      List<Decision> decisions,
      ServedVersions versions,
      AdmissionSettings settings,
      FleetGate gate,
      Instant now) {
    return new FleetService(
        service.name(),
        new HostPort(service.listenAddress(), service.listenPort()).toString(),
        versions.plain(),
        versions.withTokens(),
        count(decisions, AdmissionStatus.OPEN),
        count(decisions, AdmissionStatus.CLOSED),
        count(decisions, AdmissionStatus.GIVEN_UP),
        Admission.bestEffort(decisions, settings),
        new FleetRegistry(
            fleet.protection().inForce() ? "last-good-fleet" : "registry",
            fleet.protection().heldSince().orElse(null),
            fleet.protection().inForce() ? fleet.protection().reason() : null,
            fleet.goneHeld() ? fleet.goneProtection().reason() : null,
            source(fleet.health(), now),
            source(fleet.load(), now),
            source(fleet.orders(), now),
            source(fleet.gone(), now)),
        gate,
        fleet.ordersInAdvance().entrySet().stream()
            .collect(
                Collectors.toMap(
                    Map.Entry::getKey, e -> e.getValue().toString(), (a, b) -> a, TreeMap::new)),
        decisions.stream().map(FleetPage::server).toList());
  }

  /** The gate of one service. */
  public static FleetGate gate(GateRules rules, GateOrders orders, String version, Instant now) {
    Set<GateRule> inUse = rules.inUse();
    return new FleetGate(
        version,
        names(inUse.stream().filter(rule -> !rules.shadow().contains(rule))),
        names(inUse.stream().filter(rules.shadow()::contains)),
        orders.shieldsUp(),
        orders.denied().stream().map(Network::toString).toList(),
        source(orders.source(), now));
  }

  private static List<String> names(Stream<GateRule> rules) {
    return rules.sorted().map(GateRule::counter).toList();
  }

  private static long count(List<Decision> decisions, AdmissionStatus status) {
    return decisions.stream().filter(d -> d.status() == status).count();
  }

  private static FleetSource source(io.bolina.registry.model.Source source, Instant now) {
    return new FleetSource(
        source.lastUpdate().orElse(null),
        source.age(now).map(Duration::toMillis).map(ms -> ms / 1000.0).orElse(null),
        source.error().orElse(null));
  }

  private static FleetServer server(Decision decision) {
    Member member = decision.member();
    var load = member.load();
    Long sessions =
        load.isPresent() && load.get().sessions().isPresent()
            ? load.get().sessions().getAsLong()
            : null;
    return new FleetServer(
        member.server().id(),
        member.server().endpoint().toString(),
        member.server().zone(),
        lower(member.health()),
        member.draining(),
        lower(member.presence()),
        member.since().orElse(null),
        load.map(l -> l.load()).orElse(null),
        sessions,
        load.map(l -> l.metrics()).orElse(Map.of()),
        decision.open(),
        lower(decision.status()),
        decision.weight(),
        decision.reason(),
        member.gone().map(GoneReport::toString).orElse(null),
        member.othersHere(),
        ServerToken.of(member.server()),
        member.server().metadata());
  }

  private static String lower(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
