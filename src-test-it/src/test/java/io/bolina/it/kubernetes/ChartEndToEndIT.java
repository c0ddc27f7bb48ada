package io.bolina.it.kubernetes;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.it.Patience;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.fabric8.kubernetes.api.model.Pod;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.Test;

/**
 * The whole, as an operator has it: the chart installed from nothing, clients that talk all the
 * time, and everything that is done to a release in its life.
 */
class ChartEndToEndIT {
  private static final Duration LONG = ChartSandbox.LONG;
  private static final Duration PATIENCE = Patience.LONG;

  private final Map<String, String> figures = new TreeMap<>();
  private final long begun = System.nanoTime();

  @Test
  void a_release_from_install_to_uninstall_breaks_no_session() throws Exception {
    try (ChartSandbox chart = new ChartSandbox()) {
      try {
        wholeLife(chart);
      } catch (ConditionTimeoutException e) {
        // The namespace goes with the test: what its pods say, now.
        throw new AssertionError(e.getMessage() + "\n" + chart.describe(), e);
      }
    } finally {
      figures.forEach((what, figure) -> System.out.println("chart: " + what + ": " + figure));
    }
  }

  private void wholeLife(ChartSandbox chart) throws Exception {
    long begin = System.nanoTime();
    chart.install();
    Clients clients = chart.clients();
    arrive(clients, 1);
    figure("1 install to first answer", "%.0f s", seconds(begin));
    assertThat(chart.test()).contains("Succeeded", "POD LOGS: b-bolina-test", "\nok    ");
    await().atMost(LONG).until(() -> ready(chart, "server") == 2);
    assertThat(chart.fleets())
        .anySatisfy(
            fleet -> {
              assertThat(fleet.at("/envoys/0/gate").asText()).isEqualTo("on");
              assertThat(fleet.at("/envoys/0/identity").asText())
                  .isEqualTo("DNS:b-bolina-envoy." + chart.namespace() + ".svc");
            });

    arrive(clients, 23);
    clients.keepTalking(Duration.ofMillis(400));
    loadScalesUp(chart, clients);
    controlPlanesAreReplacedAndKilled(chart, clients);
    healthSteers(chart, clients); // and by the new ones
    certificatesAreKeptAndReplaced(chart, clients);
    serversAreReplaced(chart, clients);
    aNodeIsDrained(chart, clients);
    lessLoadScalesDown(chart, clients);
    assertThat(clients.breaks()).as("breaks until now").isEmpty();
    aServerIsKilled(chart, clients);
    envoyIsLeftAloneAndThenRestarted(chart, clients);
    theMetricsOfTheAlertsAreThere(chart);
    theWatcherIsSwitchedOffAndOn(chart);

    clients.rest();
    clients.leave(clients.all());
    chart.uninstall();
    // The pod of 'helm test' is the operator's: it keeps its log until the next one.
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(chart.leftBehind())
                    .containsExactly("pod/" + ChartSandbox.nameOf("test")));
    figure("9 left behind by uninstall", "the pod of helm test");
  }

  private void loadScalesUp(ChartSandbox chart, Clients clients) throws Exception {
    long begin = System.nanoTime();
    List<String> before = chart.names("server");
    arrive(clients, 20);
    await("a third server").atMost(LONG).until(() -> ready(chart, "server") == 3);
    List<String> added = new ArrayList<>(chart.names("server"));
    added.removeAll(before);
    chart.awaitOpen(added.get(0), true);
    figure("2 load to a third open server", "%.0f s", seconds(begin));
    assertThat(clients.breaks()).isEmpty();
  }

  private void healthSteers(ChartSandbox chart, Clients clients) throws Exception {
    String ill = clients.all().get(0).server().orElseThrow();
    chart.health(ill, "critical");
    chart.awaitOpen(ill, false);
    assertThat(on(arrive(clients, 10))).doesNotContain(ill);
    assertThat(clients.talk(PATIENCE)).isEmpty();
    assertThat(clients.breaks()).isEmpty();
    assertThat(chart.pods("server"))
        .as("readiness does not follow health")
        .allMatch(PodSandbox::isReady);
    chart.health(ill, "passing");
  }

  private void controlPlanesAreReplacedAndKilled(ChartSandbox chart, Clients clients)
      throws Exception {
    Map<String, String> before = chart.identities("control-plane");
    chart.upgrade("controlPlane.settings.coalesce=60ms");
    // While one is being replaced the other is killed: for a while there is none.
    await("the first to be replaced")
        .atMost(LONG)
        .until(() -> !chart.identities("control-plane").equals(before));
    before.keySet().forEach(chart::kill);
    chart.awaitReady("control-plane", 2, before);
    assertThat(clients.talk(PATIENCE)).isEmpty();
    assertThat(clients.breaks()).isEmpty();
    figure(
        "3 upgrade of the control planes, both killed half-way",
        "%d clients, 0 broken",
        clients.all().size());
  }

  private void certificatesAreKeptAndReplaced(ChartSandbox chart, Clients clients)
      throws Exception {
    assertThat(chart.refused("tls.mode=off", "networkPolicy.nodeCidrs={0.0.0.0/0}"))
        .contains("tls.mode was required and would be off", "tls.mode=optional");
    String before = certificates(chart);
    chart.upgrade("controlPlane.podLabels.kept=yes");
    assertThat(certificates(chart)).as("an upgrade keeps them").isEqualTo(before);
    await("control planes with the label")
        .atMost(LONG)
        .until(
            () ->
                ready(chart, "control-plane") == 2
                    && chart.pods("control-plane").stream()
                        .allMatch(p -> p.getMetadata().getLabels().containsKey("kept")));

    long begin = System.nanoTime();
    Map<String, String> pods = chart.identities("control-plane");
    for (String end : List.of("server", "client")) {
      chart.kubectl("delete", "secret", ChartSandbox.nameOf("xds-" + end));
    }
    chart.upgrade();
    assertThat(certificates(chart)).isNotEqualTo(before);
    for (String pod : pods.keySet()) {
      await("new certificates to be read by " + pod)
          .atMost(LONG)
          .ignoreExceptions()
          .until(() -> chart.kubectl("logs", pod).contains("xds certificates loaded"));
    }
    figure("3 certificates replaced, read after", "%.0f s, nothing restarted", seconds(begin));
    assertThat(clients.talk(PATIENCE)).isEmpty();
    pods.keySet().forEach(chart::kill);
    chart.awaitReady("control-plane", 2, pods);
    await("the Envoy to connect by its new certificate")
        .atMost(LONG)
        .until(() -> chart.fleets().stream().anyMatch(f -> f.path("envoys").size() == 1));
    assertThat(clients.breaks()).isEmpty();
  }

  private static String certificates(ChartSandbox chart) throws Exception {
    return chart.kubectl(
        "get",
        "secret",
        ChartSandbox.nameOf("xds-server"),
        ChartSandbox.nameOf("xds-client"),
        "--output=jsonpath={.items[*].data}");
  }

  private void serversAreReplaced(ChartSandbox chart, Clients clients) throws Exception {
    Map<String, String> before = chart.identities("server");
    chart.upgrade("servers.podAnnotations.rolled=again");
    chart.awaitReady("server", 3, before);
    for (String server : before.keySet()) {
      chart.awaitOpen(server, false);
    }
    assertThat(on(arrive(clients, 10))).doesNotContainAnyElementsOf(before.keySet());
    assertThat(clients.talk(PATIENCE)).isEmpty();
    assertThat(clients.breaks()).isEmpty();
    List<SimulatedClient> staying = clientsOn(clients, before.keySet());
    assertThat(staying).as("clients of servers that drain").isNotEmpty();
    assertThat(chart.everyPod("server")).as("old ones with sessions").hasSizeGreaterThan(3);
    replace(clients, staying);
    await("old servers to end with their sessions")
        .atMost(LONG)
        .until(() -> chart.everyPod("server").size() == 3);
    assertThat(clients.breaks()).isEmpty();
    figure(
        "4 rolling upgrade of the servers",
        "%d sessions on %d draining servers, 0 broken before their drain time",
        staying.size(),
        before.size());
  }

  private void aNodeIsDrained(ChartSandbox chart, Clients clients) throws Exception {
    await().atMost(LONG).until(() -> ready(chart, "server") == 3);
    String evicted = clients.all().get(clients.all().size() - 1).server().orElseThrow();
    Map<String, String> before = chart.identities("server");
    String other =
        before.keySet().stream().filter(s -> !s.equals(evicted)).findFirst().orElseThrow();
    await("Kubernetes to have counted them")
        .atMost(LONG)
        .until(
            () ->
                chart
                    .kubectl(
                        "get",
                        "pdb",
                        ChartSandbox.nameOf("server"),
                        "--output=jsonpath={.status.currentHealthy} {.status.disruptionsAllowed}")
                    .equals("3 1"));
    assertThat(evict(chart, evicted)).isTrue();
    assertThat(evict(chart, other)).as("a second one while the first is not made up for").isFalse();
    before.keySet().retainAll(Set.of(evicted));
    chart.awaitReady("server", 3, before);
    chart.awaitOpen(evicted, false);
    assertThat(clients.talk(PATIENCE)).isEmpty();
    assertThat(clients.breaks()).isEmpty();
    List<SimulatedClient> staying = clientsOn(clients, Set.of(evicted));
    replace(clients, staying);
    await("the evicted server to end")
        .atMost(LONG)
        .until(() -> chart.everyPod("server").size() == 3);
    figure("5 eviction, as by kubectl drain", "%d sessions on it, 0 broken", staying.size());
  }

  private static boolean evict(ChartSandbox chart, String pod) {
    return chart.client().pods().inNamespace(chart.namespace()).withName(pod).evict();
  }

  private void lessLoadScalesDown(ChartSandbox chart, Clients clients) throws Exception {
    await().atMost(LONG).until(() -> ready(chart, "server") == 3);
    List<SimulatedClient> all = new ArrayList<>(clients.all());
    clients.leave(all.subList(9, all.size()));
    await("two servers")
        .atMost(LONG)
        .until(
            () -> {
              // Whoever is on a victim leaves in time; until then it has to stay.
              clients.leave(clientsOn(clients, chart.draining()));
              return chart.everyPod("server").size() == 2;
            });
    arrive(clients, 12);
    assertThat(clients.breaks()).isEmpty();
    figure("6 scaled down by the Watcher", "3 to 2 servers, 0 broken");
  }

  /**
   * By force, so no agent says anything: what its sessions had in it is lost, of course, but its
   * clients are answered by another as soon as the Watcher has seen that the pod is gone; and
   * nobody else's are touched.
   */
  private void aServerIsKilled(ChartSandbox chart, Clients clients) throws Exception {
    String killed = clients.all().get(0).server().orElseThrow();
    Map<String, String> before = chart.identities("server");
    before.keySet().retainAll(Set.of(killed));
    List<SimulatedClient> lost = clientsOn(clients, Set.of(killed));
    long begin = System.nanoTime();
    chart.kill(killed);
    await("its clients to be answered by another")
        .atMost(PATIENCE)
        .until(() -> clientsOn(clients, Set.of(killed)).isEmpty());
    double answered = seconds(begin);
    await("its entry to leave Consul")
        .atMost(LONG)
        .ignoreExceptions()
        .until(() -> !chart.registered().contains(killed));
    double removed = seconds(begin);
    chart.awaitReady("server", 2, before);
    assertThat(on(arrive(clients, 10))).doesNotContain(killed);
    assertThat(clients.talk(PATIENCE)).isEmpty();
    Set<Integer> numbers = new HashSet<>();
    lost.forEach(client -> numbers.add(client.number()));
    assertThat(clients.breaks())
        .as("only its own sessions, each once")
        .hasSize(lost.size())
        .allMatch(b -> numbers.contains(b.client()) && b.from().equals(killed));
    figure(
        "7 a server's pod deleted by force",
        "its %d clients answered by another after %.1f s, its entry removed after %.0f s; of the other %d none",
        lost.size(),
        answered,
        removed,
        clients.all().size() - lost.size());
  }

  private void envoyIsLeftAloneAndThenRestarted(ChartSandbox chart, Clients clients)
      throws Exception {
    Map<String, String> before = chart.identities("envoy");
    int breaks = clients.breaks().size();
    chart.upgrade("envoy.logLevel=info");
    assertThat(clients.talk(PATIENCE)).isEmpty();
    assertThat(clients.breaks()).hasSize(breaks);
    assertThat(chart.identities("envoy")).as("an upgrade restarts no Envoy").isEqualTo(before);

    // Hot, in the same pod: every client is answered all the time.
    String pod = chart.pods("envoy").get(0).getMetadata().getName();
    long moved = clients.breaks().stream().filter(SimulatedClient.Break::moved).count();
    assertThat(chart.kubectl("exec", pod, "-c", "envoy", "--", "/bolina/bolina-envoy", "reload"))
        .contains("ready: epoch 1");
    assertThat(clients.talk(PATIENCE)).isEmpty();
    await("the one before has ended")
        .atMost(LONG)
        .until(() -> chart.kubectl("logs", pod, "-c", "envoy").contains("handed over: epoch=1"));
    assertThat(clients.talk(PATIENCE)).isEmpty();
    // These have no tokens, and the fleet is another one than when they came.
    figure(
        "8 hot restart of Envoy",
        "%d clients without tokens, all answered throughout, %d moved when the old one ended",
        clients.all().size(),
        clients.breaks().stream().filter(SimulatedClient.Break::moved).count() - moved);
    assertThat(chart.identities("envoy")).isEqualTo(before);

    // Another pod's start ends its sessions; how they come back is all that can be had.
    Map<SimulatedClient, String> servers =
        new TreeMap<>(Comparator.comparing(SimulatedClient::number));
    clients.all().forEach(c -> servers.put(c, c.server().orElseThrow()));
    long begin = System.nanoTime();
    chart
        .client()
        .pods()
        .inNamespace(chart.namespace())
        .withName(before.keySet().iterator().next())
        .delete();
    chart.awaitReady("envoy", 1, before);
    assertThat(clients.talk(PATIENCE)).isEmpty();
    double gap = seconds(begin);
    long back =
        servers.entrySet().stream()
            .filter(e -> e.getKey().server().orElseThrow().equals(e.getValue()))
            .count();
    figure(
        "8 restart of Envoy by hand",
        "%d clients, all answered after %.0f s, %d by the server they had",
        servers.size(),
        gap,
        back);
  }

  /** By upgrades of values: the size stays what it is. */
  private void theWatcherIsSwitchedOffAndOn(ChartSandbox chart) throws Exception {
    chart.upgrade("watcher.min=3");
    await("a size that no value names").atMost(LONG).until(() -> chart.replicas() == 3);
    chart.upgrade("watcher.enabled=false"); // servers.replicas is 2
    assertThat(chart.replicas()).isEqualTo(3);
    chart.upgrade("servers.podLabels.again=yes");
    assertThat(chart.replicas()).isEqualTo(3);
    chart.upgrade("watcher.enabled=true");
    assertThat(chart.replicas()).isEqualTo(3);
    figure("8 Watcher switched off and on", "3 servers before, between and after");
  }

  /** Those that exist only once they have something to count are in the documentation. */
  private static void theMetricsOfTheAlertsAreThere(ChartSandbox chart) throws Exception {
    StringBuilder known = new StringBuilder(ChartIT.documentedMetrics());
    known.append(chart.ask(chart.names("control-plane").get(0), 18080, "GET", "/metrics", ""));
    known.append(chart.ask(chart.names("watcher").get(0), 18090, "GET", "/metrics", ""));
    Pod envoy = chart.pods("envoy").get(0);
    int stats =
        envoy.getSpec().getContainers().get(0).getPorts().stream()
            .filter(p -> p.getName().equals("stats"))
            .findFirst()
            .orElseThrow()
            .getContainerPort();
    known.append(chart.ask(envoy.getMetadata().getName(), stats, "GET", "/stats/prometheus", ""));
    for (String metric : ChartIT.metricsOfAlerts()) {
      assertThat(known.toString()).as("the metric %s of an alert", metric).contains(metric);
    }
  }

  // ------------------------------------------------------------ clients

  private static List<SimulatedClient> arrive(Clients clients, int count) throws Exception {
    List<SimulatedClient> arrived = clients.arrive(count);
    assertThat(clients.talk(arrived, PATIENCE)).as("new clients without an answer").isEmpty();
    return arrived;
  }

  /** Some leave; as many have come before, so that the load calls for as many servers. */
  private static void replace(Clients clients, List<SimulatedClient> leaving) throws Exception {
    arrive(clients, leaving.size());
    clients.leave(leaving);
  }

  private static Set<String> on(List<SimulatedClient> clients) {
    return Clients.byServer(clients).keySet();
  }

  private static List<SimulatedClient> clientsOn(Clients clients, Set<String> servers) {
    return clients.all().stream().filter(c -> servers.contains(c.server().orElse(""))).toList();
  }

  private static long ready(ChartSandbox chart, String component) {
    List<Pod> pods = chart.pods(component);
    return pods.stream().allMatch(PodSandbox::isReady) ? pods.size() : -1;
  }

  private static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  private void figure(String what, String format, Object... values) {
    figures.put(what, String.format(Locale.ROOT, format, values));
    System.out.printf(Locale.ROOT, "%.0f s: %s%n", seconds(begun), what);
  }
}
