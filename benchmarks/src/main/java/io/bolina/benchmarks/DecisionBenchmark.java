package io.bolina.benchmarks;

import io.bolina.controlplane.admission.Admission;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.admission.Decision;
import io.bolina.controlplane.admission.DecisionChanges;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.registry.fleet.FleetKeeper;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import io.bolina.registry.model.ServiceListing;
import io.envoyproxy.envoy.config.endpoint.v3.ClusterLoadAssignment;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The pure parts between Consul's answer and what is served, for a change of one server's health.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 1,
    jvmArgsAppend = {"-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"})
public class DecisionBenchmark {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  @Param({"1000", "10000"})
  private int servers;

  private final FleetKeeper keeper = new FleetKeeper(FleetSettings.DEFAULTS);
  private final Admission admission = new Admission(AdmissionSettings.DEFAULTS);
  private final EnvoyResources resources = new EnvoyResources(ProxySettings.DEFAULTS);
  private final Map<String, LoadReport> loads = new HashMap<>();
  private final List<ServiceListing> listings = new ArrayList<>();
  private final List<Fleet> fleets = new ArrayList<>();
  private final List<List<Decision>> decisions = new ArrayList<>();
  private int turn;

  /** Two listings that differ in one server. */
  @Setup
  public void prepare() {
    List<ServiceListing.Instance> seen = new ArrayList<>();
    for (int i = 0; i < servers; i++) {
      Server server =
          new Server(
              BenchFleet.id(i), "bolina", BenchFleet.address(i), 7777, "", Map.of("zone", "a"));
      seen.add(new ServiceListing.Instance(server, Health.PASSING, false, false, "fine"));
      loads.put(server.id(), LoadReport.of(i % 9 / 10.0, i));
    }
    listings.add(new ServiceListing(seen));
    ServiceListing.Instance failing = seen.get(servers / 2);
    seen.set(
        servers / 2,
        new ServiceListing.Instance(
            failing.server(), Health.CRITICAL, false, false, "disk is failing"));
    listings.add(new ServiceListing(seen));
    Fleet fleet = Fleet.unknown("bolina");
    for (int i = 0; i < 2; i++) {
      fleet = keeper.withListing(fleet, listings.get(i), loads, Map.of(), Map.of(), NOW);
      fleets.add(fleet);
      decisions.add(admission.decide(fleet, i == 0 ? List.of() : decisions.get(0)));
    }
  }

  private int other() {
    turn = 1 - turn;
    return turn;
  }

  @Benchmark
  public Fleet fleetFromListing() {
    int next = other();
    return keeper.withListing(
        fleets.get(1 - next), listings.get(next), loads, Map.of(), Map.of(), NOW);
  }

  @Benchmark
  public List<Decision> admissionOfAChange() {
    int next = other();
    return admission.decide(fleets.get(next), decisions.get(1 - next));
  }

  @Benchmark
  public List<Decision> admissionOfAWholeFleet() {
    return admission.decide(fleets.get(0));
  }

  @Benchmark
  public DecisionChanges changes() {
    int next = other();
    return DecisionChanges.between(decisions.get(1 - next), decisions.get(next));
  }

  @Benchmark
  public ClusterLoadAssignment loadAssignmentAllAtOnce() {
    return resources.loadAssignment("bolina", decisions.get(0));
  }
}
