package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.WeightSteps;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * The figures of docs/admission.md: what a step of the weight costs returning clients, on a real
 * Envoy, and what steps do for evenness, in a simulation. Not part of the tests; run it with {@code
 * mvn -B verify -Dit.test=WeightStepsMeasurement -Dtest=none
 * -Dsurefire.failIfNoSpecifiedTests=false}.
 */
class WeightStepsMeasurement {
  /** Seven rounds of them stay below 20,000 file descriptors, without which Envoy aborts. */
  private static final int CLIENTS = 2_000;

  /**
   * 8 servers, one of them at a load that gives it a weight; then every client comes back from its
   * own address with a new connection.
   */
  @Test
  void returning_clients_on_another_server_after_one_step() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1", "b-2", "b-3", "b-4", "b-5", "b-6", "b-7", "b-8");
      Map<Double, Integer> steps = new HashMap<>();
      for (int i = 0; i < 18; i++) {
        steps.put(i / 20.0, 100 - 5 * i);
      }
      sandbox.controlPlane(
          "cp",
          c ->
              c.withAdmission(
                  new AdmissionSettings(new LoadThresholds(0.9, new WeightSteps(steps)), 0.5)));
      RealEnvoy envoy = sandbox.envoy("edge");
      List<SimulatedClient> before = come(sandbox);
      System.out.printf("%-28s %s%n", "weight of one server of 8", "clients on another server");
      for (double load : new double[] {0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.85}) {
        int weight = new WeightSteps(steps).at(load);
        sandbox.consul().api().load(SERVICE, "b-1", load, 1);
        await()
            .until(
                () ->
                    envoy
                        .admin()
                        .text("/clusters")
                        .contains(sandbox.endpoint("b-1") + "::weight::" + weight + "\n"));
        List<SimulatedClient> now = come(sandbox);
        int moved = 0;
        for (int i = 0; i < CLIENTS; i++) {
          moved += before.get(i).server().equals(now.get(i).server()) ? 0 : 1;
        }
        System.out.printf(Locale.ROOT, "100 -> %-21d %.1f %%%n", weight, 100.0 * moved / CLIENTS);
      }
    }
  }

  private static List<SimulatedClient> come(Sandbox sandbox) throws Exception {
    try (Clients clients = new Clients(sandbox.front().socketAddress())) {
      List<SimulatedClient> arrived = clients.arrive(CLIENTS);
      clients.talk(arrived, Duration.ofSeconds(20));
      return arrived;
    }
  }

  /**
   * 8 servers, of which two can take half of what the others can; sessions come and go; every
   * server reports its load with a dead band of 0.03.
   */
  @Test
  void evenness_and_steps_taken() {
    Map<String, WeightSteps> candidates = new LinkedHashMap<>();
    candidates.put("none", new WeightSteps(Map.of(0.0, 100)));
    candidates.put("one: 0.75:50", new WeightSteps(Map.of(0.0, 100, 0.75, 50)));
    candidates.put("two: 0.5:75,0.75:50", WeightSteps.DEFAULT);
    candidates.put(
        "two, steeper: 0.5:60,0.75:25", new WeightSteps(Map.of(0.0, 100, 0.5, 60, 0.75, 25)));
    candidates.put(
        "four: 0.3:80,0.5:60,0.7:40,0.8:20",
        new WeightSteps(Map.of(0.0, 100, 0.3, 80, 0.5, 60, 0.7, 40, 0.8, 20)));
    Map<Double, Integer> many = new HashMap<>();
    for (int i = 0; i < 18; i++) {
      many.put(i / 20.0, 100 - 5 * i);
    }
    candidates.put("seventeen: every 0.05 by 5", new WeightSteps(many));
    System.out.printf(
        "%-36s %-22s %-26s %s%n",
        "steps", "highest load (mean)", "servers closed (overload)", "weight changes/server/h");
    candidates.forEach(WeightStepsMeasurement::simulate);
  }

  private static void simulate(String name, WeightSteps steps) {
    int servers = 8;
    double[] capacity = {1000, 1000, 1000, 1000, 1000, 1000, 500, 500};
    double[] sessions = new double[servers];
    double[] reported = new double[servers];
    Random random = new Random(1);
    double highest = 0;
    long closedTicks = 0;
    long changes = 0;
    int hours = 24;
    int measured = 0;
    List<Integer> weights = new ArrayList<>();
    for (int s = 0; s < servers; s++) {
      weights.add(steps.at(0));
    }
    for (int tick = 0; tick < hours * 3600; tick += 5) {
      // A day between a third and 85 % of what the whole fleet can take; a session lasts 10
      // minutes.
      double wanted = 7000 * (0.59 + 0.26 * Math.sin(2 * Math.PI * tick / 86_400.0));
      double arrivals = wanted / 600 * 5;
      double total = 0;
      for (int s = 0; s < servers; s++) {
        sessions[s] -= sessions[s] * 5 / 600 * (0.8 + 0.4 * random.nextDouble());
        total += reported[s] < 0.9 ? weights.get(s) : 0;
      }
      for (int s = 0; s < servers; s++) {
        if (reported[s] < 0.9) {
          sessions[s] += arrivals * weights.get(s) / total * (0.7 + 0.6 * random.nextDouble());
        }
        double load = sessions[s] / capacity[s];
        if (Math.abs(load - reported[s]) > 0.03) {
          reported[s] = load;
          int weight = steps.at(load);
          changes += weight == weights.get(s) ? 0 : 1;
          weights.set(s, weight);
        }
        if (tick > 7_200) {
          closedTicks += reported[s] >= 0.9 ? 1 : 0;
        }
      }
      if (tick > 7_200) {
        double most = 0;
        for (int s = 0; s < servers; s++) {
          most = Math.max(most, sessions[s] / capacity[s]);
        }
        highest += most;
        measured++;
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%-36s %-22.3f %-26s %.2f%n",
        name,
        highest / measured,
        String.format(Locale.ROOT, "%.1f %% of the time", 100.0 * closedTicks / measured / servers),
        (double) changes / servers / hours);
  }
}
