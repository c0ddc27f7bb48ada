package io.bolina.demo;

import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.registry.model.Health;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.Flood;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** The steps of the demo: what can go wrong with a fleet, in under a minute. */
public final class Demo implements AutoCloseable {
  private static final int SERVERS = 8;
  private static final Duration TALK = Duration.ofMillis(500);
  private static final int JUNK = 100_000;
  private static final int FLOODERS = 60;
  private static final int WITH_TOKEN = 100;
  private static final Duration PATIENCE = Waiting.LONG;

  private final DemoEnvironment environment;
  private final DemoView view;
  private final int clients;
  private final DemoResult result = new DemoResult();
  private final Set<String> closed = new TreeSet<>();

  /**
   * Prepares servers, a control plane, an Envoy and clients.
   *
   * @param consul a Consul to use; otherwise the registry is in memory
   * @param clients how many clients there are at the start
   * @param directory for the logs, the state file and Envoy's bootstrap
   */
  public Demo(Optional<URI> consul, int clients, Path directory, DemoView view)
      throws IOException, InterruptedException {
    this.clients = clients;
    this.view = view;
    DemoRegistry registry =
        consul.isPresent() ? new ConsulDemoRegistry(consul.get()) : new InMemoryDemoRegistry();
    this.environment =
        new DemoEnvironment(registry, directory, view, SERVERS, Protocol.INCREMENTAL);
  }

  /** Runs all steps and returns whether every promise was kept. */
  public boolean run() throws IOException, InterruptedException {
    environment.start();
    view.say("");

    view.say("1. " + clients + " clients arrive, and send through Envoy until the end.");
    arrive(clients);
    environment.clients().keepTalking(TALK);
    pause();

    view.say("2. b-1 becomes unhealthy (critical). Its clients stay; new ones go elsewhere.");
    change(
        "b-1",
        "DEGRADED",
        () -> environment.registry().health("b-1", Health.CRITICAL, "disk is failing"));
    arriveSome();

    view.say("3. b-2 is overloaded: load 0.97.");
    change("b-2", "DEGRADED", () -> environment.reportLoad("b-2", 0.97));
    arriveSome();

    view.say("4. b-3 vanishes from the registry while it still runs. Its clients stay.");
    change("b-3", "DEGRADED", () -> environment.registry().deregister("b-3"));
    arriveSome();

    view.say("5. b-4 drains (maintenance): no new clients; known ones stay until they leave.");
    change("b-4", "DEGRADED", () -> environment.registry().draining("b-4", true));
    arriveSome();

    view.say("6. The registry fails. Envoy keeps the last good fleet.");
    environment.registry().cutOff();
    environment.await(
        "the control plane to notice", () -> environment.registryProblem().isPresent());
    arriveSome();

    view.say("7. The control plane restarts while the registry is unavailable.");
    Map<String, String> before = environment.envoyState();
    environment.stopControlPlane();
    arrive(Math.max(clients / 5, 10));
    environment.startControlPlane();
    environment.awaitEnvoyConnected();
    if (!environment.envoyState().equals(before)) {
      result.failed("the restarted control plane sent Envoy something else than before");
    }
    view.say("   Restored from its state file; Envoy reconnected and nothing changed for it.");
    arriveSome();

    view.say("8. The registry is available again; all servers recover.");
    environment.registry().reconnect();
    environment.await("the registry to answer", () -> environment.registryProblem().isEmpty());
    change("b-1", "HEALTHY", () -> environment.registry().health("b-1", Health.PASSING, ""));
    change("b-2", "HEALTHY", () -> environment.reportLoad("b-2", 0.3));
    change("b-3", "HEALTHY", () -> environment.register("b-3"));
    change("b-4", "HEALTHY", () -> environment.registry().draining("b-4", false));
    closed.clear();
    List<SimulatedClient> last = arrive(Math.max(clients / 2, 80));
    Map<String, Integer> byServer = Clients.byServer(last);
    if (!byServer.keySet().containsAll(Set.of("b-1", "b-2", "b-3", "b-4"))) {
      result.failed("a recovered server got no new client: " + byServer);
    }
    pause();

    flood();
    tokens();

    environment.clients().rest();
    environment.lastAnswers();
    List<SimulatedClient.Break> breaks = environment.clients().breaks();
    long moved = breaks.stream().filter(SimulatedClient.Break::moved).count();
    List<SimulatedClient> all = environment.clients().all();
    result.clients(
        all.size(),
        moved,
        breaks.size() - moved,
        all.stream().mapToLong(SimulatedClient::sent).sum(),
        all.stream().mapToLong(SimulatedClient::answered).sum());
    view.say(result.kept() ? "Every promise was kept:" : "A PROMISE WAS BROKEN:");
    result.lines().forEach(line -> view.say("  " + line));
    return result.kept();
  }

  private void flood() throws IOException, InterruptedException {
    Optional<String> off = environment.gateIsOff();
    if (off.isPresent()) {
      view.say("9. No flood of junk: the gate is off (" + off.get() + ").");
      view.say("");
      return;
    }
    view.say(
        String.format(
            Locale.ROOT,
            "9. A flood: %,d junk datagrams from %d sources, while the clients send.",
            JUNK,
            FLOODERS));
    List<SimulatedClient> known = environment.clients().all();
    long sent = sum(known, SimulatedClient::sent);
    long answered = sum(known, SimulatedClient::answered);
    long connections = environment.connectionsEver();
    try (Flood flood = environment.flood(FLOODERS)) {
      flood.send(JUNK);
    }
    // Nothing is to be under way while it is counted.
    environment.clients().rest();
    environment.lastAnswers();
    long reached = environment.connectionsEver() - connections;
    result.flooded(JUNK, reached);
    Map<String, Long> rejected = environment.rejected();
    view.say(
        String.format(
            Locale.ROOT,
            "   The gate rejected %,d (%s); %d reached a server.",
            rejected.values().stream().mapToLong(n -> n).sum(),
            rejected.entrySet().stream()
                .map(e -> String.format(Locale.ROOT, "%,d by %s", e.getValue(), e.getKey()))
                .collect(Collectors.joining(", ")),
            reached));
    view.say(
        String.format(
            Locale.ROOT,
            "   Meanwhile %d clients sent %,d datagrams; %.1f %% were answered.",
            known.size(),
            sum(known, SimulatedClient::sent) - sent,
            100.0
                * (sum(known, SimulatedClient::answered) - answered)
                / (sum(known, SimulatedClient::sent) - sent)));
    environment.clients().keepTalking(TALK);
    view.say(
        "   Shields up, by an order in the registry: only known clients pass, whatever new ones send.");
    shields(true);
    List<SimulatedClient> newClients = environment.clients().arrive(10);
    int blocked = environment.clients().talk(newClients, Duration.ofSeconds(1)).size();
    environment.clients().leave(newClients);
    if (blocked < newClients.size()) {
      result.failed(newClients.size() - blocked + " new clients passed the shields");
    }
    shields(false);
    view.say(
        "   "
            + blocked
            + " of "
            + newClients.size()
            + " new clients were rejected. Shields down again.");
    arriveSome();
  }

  private void tokens() throws IOException, InterruptedException {
    Optional<String> off = environment.startTokenEdge();
    if (off.isPresent()) {
      view.say("10. No tokens: " + off.get() + ".");
      view.say("");
      return;
    }
    view.say("10. Tokens: at a second Envoy, clients name their server in each datagram.");
    TokenEdge edge = environment.tokenEdge();
    List<SimulatedClient> known = arrive(edge.clients(), WITH_TOKEN);
    edge.clients().nameServers(DemoEnvironment::token);
    change(
        "b-1",
        "DEGRADED",
        () -> environment.registry().health("b-1", Health.CRITICAL, "disk is failing"));
    change("b-2", "DEGRADED", () -> environment.reportLoad("b-2", 0.97));
    environment.awaitTokenEdgeKnows("b-1", "DEGRADED");
    environment.awaitTokenEdgeKnows("b-2", "DEGRADED");
    edge.clients().roam();
    talkWithToken("Every client's address and port change", known);
    edge.restartEnvoy();
    talkWithToken("Envoy is killed, and started again", known);
    arrive(edge.clients(), WITH_TOKEN / 5);
    pause();
  }

  private void talkWithToken(String after, List<SimulatedClient> known)
      throws IOException, InterruptedException {
    int silent = environment.tokenEdge().clients().talk(known, PATIENCE).size();
    if (silent > 0) {
      result.failed(silent + " clients with a token had no answer");
    }
    long moved = TokenEdge.moved(known);
    result.clientsWithToken(known.size(), moved);
    view.say(
        String.format(
            Locale.ROOT,
            "   %s: %d of %d moved; %d are on closed servers.",
            after,
            moved,
            known.size(),
            onClosed(Clients.byServer(known))));
  }

  private void shields(boolean up) throws IOException {
    environment.registry().shields(up);
    environment.await("the shields", () -> environment.shieldsAre(up));
  }

  private static long sum(
      List<SimulatedClient> clients, java.util.function.ToLongFunction<SimulatedClient> figure) {
    return clients.stream().mapToLong(figure).sum();
  }

  /** Leaves everything running until the thread is interrupted. */
  public void keepRunning() throws InterruptedException {
    environment.clients().keepTalking(TALK);
    view.say("");
    view.say("Everything keeps running until Ctrl-C. To look around:");
    environment.addresses().forEach(line -> view.say("  " + line));
    Thread.sleep(Long.MAX_VALUE);
  }

  @Override
  public void close() throws IOException {
    environment.close();
  }

  private void arriveSome() throws IOException, InterruptedException {
    arrive(Math.max(clients / 5, 10));
    pause();
  }

  private List<SimulatedClient> arrive(int count) throws IOException, InterruptedException {
    return arrive(environment.clients(), count);
  }

  private List<SimulatedClient> arrive(Clients clientsOfEnvoy, int count)
      throws IOException, InterruptedException {
    List<SimulatedClient> arrived = clientsOfEnvoy.arrive(count);
    int silent = clientsOfEnvoy.talk(arrived, PATIENCE).size();
    Map<String, Integer> byServer = Clients.byServer(arrived);
    result.arrived(count, onClosed(byServer), silent);
    view.say("   " + count + " new clients: " + inWords(byServer));
    return arrived;
  }

  private long onClosed(Map<String, Integer> byServer) {
    return byServer.entrySet().stream()
        .filter(e -> closed.contains(e.getKey()))
        .mapToLong(Map.Entry::getValue)
        .sum();
  }

  private static String inWords(Map<String, Integer> byServer) {
    return byServer.entrySet().stream()
        .map(e -> e.getValue() + " on " + e.getKey())
        .collect(Collectors.joining(", "));
  }

  /** Makes a change in the registry and waits until Envoy knows it. */
  private void change(String id, String healthInEnvoy, RegistryChange change)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    change.make();
    environment.awaitEnvoyKnows(id, healthInEnvoy);
    Duration time = Duration.ofNanos(System.nanoTime() - start);
    result.changeReachedEnvoy(time);
    boolean open = healthInEnvoy.equals("HEALTHY");
    if (open) {
      closed.remove(id);
    } else {
      closed.add(id);
    }
    view.say(
        "   Envoy has "
            + id
            + " as "
            + (open ? "open" : "closed")
            + " after "
            + time.toMillis()
            + " ms.");
  }

  /** Time to read, and for the clients to send. */
  private void pause() throws InterruptedException {
    Thread.sleep(2_500);
    view.say("");
  }

  @FunctionalInterface
  private interface RegistryChange {
    void make() throws IOException;
  }
}
