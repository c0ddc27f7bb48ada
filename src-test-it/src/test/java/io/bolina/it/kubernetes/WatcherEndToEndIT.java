package io.bolina.it.kubernetes;

import static io.bolina.it.kubernetes.PodSandbox.NAME;
import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.kubernetes.RealKubernetes;
import io.bolina.watcher.Watcher;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.Test;

/**
 * The whole: clients through Envoy to servers in pods, each with an agent at its side; Consul, the
 * control plane, the Watcher. Load rises and falls, and nobody notices.
 */
class WatcherEndToEndIT {
  private static final Duration LONG = Duration.ofSeconds(90);
  private static final Duration PATIENCE = Duration.ofSeconds(15);
  private static final int CAPACITY = 40;

  private Supplier<String> explanation = () -> "there is no Watcher yet";

  @Test
  void under_load_that_rises_and_falls_no_session_is_broken() throws Exception {
    try (Sandbox sandbox = new Sandbox().withConsulForPods();
        PodSandbox pods = new PodSandbox(sandbox.consul().api(), SERVICE)) {
      String image = RealKubernetes.running().bolinaImage();
      URI consul = sandbox.consul().url();
      pods.create(deployment(image, pods.kubernetes().thisMachine() + ":" + consul.getPort()));
      explanation = pods::describe;
      sandbox.controlPlane("cp");
      RealEnvoy envoy = sandbox.envoy("edge");
      awaitServers(envoy, 2);
      await().atMost(LONG).until(() -> !envoy.servers(SERVICE).containsValue("DEGRADED"));
      Watcher watcher =
          pods.watcher(new FastSettings().between(2, 5).settle(Duration.ofSeconds(4)));
      Clients clients = sandbox.clients();
      explanation = () -> watcher.explain() + pods.describe();

      List<SimulatedClient> first = arrive(clients, 30);
      clients.keepTalking(Duration.ofMillis(400));
      List<SimulatedClient> more = new ArrayList<>();
      for (int wave = 0; wave < 4; wave++) {
        more.addAll(arrive(clients, 20));
        // New servers are there before the next wave: 0.6 is asked of each.
        int wanted = (int) Math.ceil(clients.all().size() / (0.66 * CAPACITY));
        awaitServers(envoy, Math.min(5, Math.max(2, wanted)));
      }
      int most = pods.replicas();
      assertThat(most).isGreaterThanOrEqualTo(4);

      // Most leave; of those that stay, some are on every server.
      List<SimulatedClient> leaving = new ArrayList<>(first.subList(0, 26));
      leaving.addAll(more.subList(0, 66));
      clients.leave(leaving);
      await().atMost(LONG).until(() -> !pods.ordered().isEmpty());
      awaitCalm(clients, watcher);
      Set<String> victims = pods.ordered();
      List<SimulatedClient> onVictims =
          clients.all().stream().filter(c -> victims.contains(c.server().orElse(""))).toList();
      List<SimulatedClient> lastToCome = arrive(clients, 4);
      assertThat(Clients.byServer(lastToCome)).doesNotContainKeys(victims.toArray(String[]::new));
      assertThat(pods.names()).as("victims with sessions").containsAll(serversOf(onVictims));

      // Those on victims leave in their own time; then the pods go.
      clients.leave(onVictims);
      await().atMost(LONG).until(() -> pods.replicas() == 2 && pods.names().size() == 2);
      List<SimulatedClient> silent = clients.talk(PATIENCE);
      int all = first.size() + more.size() + lastToCome.size();
      System.out.printf(
          Locale.ROOT,
          "end to end: %d clients, 2 to %d to 2 pods, %d sessions broken before their drain time%n",
          all,
          most,
          clients.breaks().size() + silent.size());
      assertThat(clients.breaks()).isEmpty();
      assertThat(silent).isEmpty();
    }
  }

  /** Until the number of victims has not changed for a while. */
  private static void awaitCalm(Clients clients, Watcher watcher) {
    await()
        .during(Duration.ofSeconds(5))
        .atMost(LONG)
        .until(() -> watcher.explain().contains("wanted    2") && clients.breaks().isEmpty());
  }

  private static List<SimulatedClient> arrive(Clients clients, int count) throws Exception {
    List<SimulatedClient> arrived = clients.arrive(count);
    assertThat(clients.talk(arrived, PATIENCE)).as("new clients without an answer").isEmpty();
    return arrived;
  }

  private static Set<String> serversOf(List<SimulatedClient> clients) {
    return Clients.byServer(clients).keySet();
  }

  private void awaitServers(RealEnvoy envoy, int servers) {
    try {
      await("servers: " + servers)
          .atMost(LONG)
          .ignoreExceptions()
          .until(() -> envoy.servers(SERVICE).size() >= servers);
    } catch (ConditionTimeoutException e) {
      throw new AssertionError(e.getMessage() + "\n" + explanation.get(), e);
    }
  }

  private static String deployment(String image, String consul) {
    return """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: %1$s}
    spec:
      replicas: 2
      selector: {matchLabels: {app: %1$s}}
      template:
        metadata: {labels: {app: %1$s}}
        spec:
          terminationGracePeriodSeconds: 30
          automountServiceAccountToken: false
          containers:
          - name: server
            image: "%2$s"
            imagePullPolicy: IfNotPresent
            env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
            args: [%3$s, server, --id, "$(POD)", --address, 0.0.0.0, --port, "7001", --session-idle, 3s,
                   --capacity, "%4$d", --report, "http://127.0.0.1:7070"]
          - name: agent
            image: "%2$s"
            imagePullPolicy: IfNotPresent
            env:
            - {name: BOLINA_SERVICE, value: %5$s}
            - {name: BOLINA_ID, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: BOLINA_ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
            - {name: BOLINA_PORT, value: "7001"}
            args: [%3$s, agent, --consul, "http://%6$s", --load-interval, 1s]
    """
        .formatted(
            NAME,
            image,
            "-XX:TieredStopAtLevel=1, -XX:+UseSerialGC, -XX:-UsePerfData, -Xmx40m, -jar, /bolina.jar",
            CAPACITY,
            SERVICE,
            consul);
  }
}
