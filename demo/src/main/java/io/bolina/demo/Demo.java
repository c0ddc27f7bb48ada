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

/** The story: what befalls a fleet in a bad week, in under a minute. */
public final class Demo implements AutoCloseable {
  private static final int SERVERS = 8;
  private static final Duration TALK = Duration.ofMillis(500);
  private static final int JUNK = 100_000;
  private static final int FLOODERS = 60;
  private static final Duration PATIENCE = Waiting.LONG;

  private final Stage stage;
  private final DemoView view;
  private final int clients;
  private final Verdict verdict = new Verdict();
  private final Set<String> closed = new TreeSet<>();

  /**
   * Sets the stage: servers, a control plane, an Envoy.
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
        consul.isPresent() ? new RegistryOnConsul(consul.get()) : new RegistryInMemory();
    this.stage = new Stage(registry, directory, view, SERVERS, Protocol.INCREMENTAL);
  }

  /** Plays the story and returns whether every promise was kept. */
  public boolean play() throws IOException, InterruptedException {
    stage.raise();
    view.say("");

    view.say("1. " + clients + " clients arrive, and go on talking through Envoy until the end.");
    arrive(clients);
    stage.clients().keepTalking(TALK);
    nextAct();

    view.say("2. b-1 falls ill: critical. Its clients stay, new ones go elsewhere.");
    change(
        "b-1",
        "DEGRADED",
        () -> stage.registry().health("b-1", Health.CRITICAL, "disk is failing"));
    arriveSome();

    view.say("3. b-2 is overloaded: load 0.97.");
    change("b-2", "DEGRADED", () -> stage.reportLoad("b-2", 0.97));
    arriveSome();

    view.say(
        "4. b-3 vanishes from the registry, though it lives. A registry's mistake breaks nothing.");
    change("b-3", "DEGRADED", () -> stage.registry().deregister("b-3"));
    arriveSome();

    view.say("5. b-4 drains (maintenance): no new clients, the known ones finish in peace.");
    change("b-4", "DEGRADED", () -> stage.registry().draining("b-4", true));
    arriveSome();

    view.say("6. The registry fails. The last good fleet stays in force.");
    stage.registry().cutOff();
    stage.await("the control plane to notice", () -> stage.registryProblem().isPresent());
    arriveSome();

    view.say("7. And the control plane restarts, with the registry still out of reach.");
    Map<String, String> told = stage.whatEnvoyWasTold();
    stage.stopControlPlane();
    arrive(Math.max(clients / 5, 10));
    stage.startControlPlane();
    stage.awaitEnvoyConnected();
    if (!stage.whatEnvoyWasTold().equals(told)) {
      verdict.failed("the restarted control plane told Envoy something else than its predecessor");
    }
    view.say("   Back from its state file; Envoy reconnected and was told nothing new.");
    arriveSome();

    view.say("8. The registry is back, all servers recover.");
    stage.registry().reconnect();
    stage.await("the registry to answer", () -> stage.registryProblem().isEmpty());
    change("b-1", "HEALTHY", () -> stage.registry().health("b-1", Health.PASSING, ""));
    change("b-2", "HEALTHY", () -> stage.reportLoad("b-2", 0.3));
    change("b-3", "HEALTHY", () -> stage.register("b-3"));
    change("b-4", "HEALTHY", () -> stage.registry().draining("b-4", false));
    closed.clear();
    List<SimulatedClient> last = arrive(Math.max(clients / 2, 80));
    Map<String, Integer> byServer = Clients.byServer(last);
    if (!byServer.keySet().containsAll(Set.of("b-1", "b-2", "b-3", "b-4"))) {
      verdict.failed("a recovered server got no new client: " + byServer);
    }
    nextAct();

    flood();

    stage.clients().rest();
    stage.lastAnswers();
    List<SimulatedClient.Break> breaks = stage.clients().breaks();
    long moved = breaks.stream().filter(SimulatedClient.Break::moved).count();
    List<SimulatedClient> all = stage.clients().all();
    verdict.clients(
        all.size(),
        moved,
        breaks.size() - moved,
        all.stream().mapToLong(SimulatedClient::sent).sum(),
        all.stream().mapToLong(SimulatedClient::answered).sum());
    view.say(verdict.kept() ? "Every promise was kept:" : "A PROMISE WAS BROKEN:");
    verdict.lines().forEach(line -> view.say("  " + line));
    return verdict.kept();
  }

  private void flood() throws IOException, InterruptedException {
    Optional<String> off = stage.gateIsOff();
    if (off.isPresent()) {
      view.say("9. No flood of junk: the gate is off (" + off.get() + ").");
      view.say("");
      return;
    }
    view.say(
        String.format(
            Locale.ROOT,
            "9. A flood: %,d datagrams of junk from %d sources, while the clients talk.",
            JUNK,
            FLOODERS));
    List<SimulatedClient> known = stage.clients().all();
    long sent = sum(known, SimulatedClient::sent);
    long answered = sum(known, SimulatedClient::answered);
    long connections = stage.connectionsEver();
    try (Flood flood = stage.flood(FLOODERS)) {
      flood.send(JUNK);
    }
    // Nothing is to be under way while it is counted.
    stage.clients().rest();
    stage.lastAnswers();
    long reached = stage.connectionsEver() - connections;
    verdict.flooded(JUNK, reached);
    Map<String, Long> rejected = stage.rejected();
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
    stage.clients().keepTalking(TALK);
    view.say(
        "   Shields up, by an order in the registry: strangers are kept out, well-spoken or not.");
    shields(true);
    List<SimulatedClient> strangers = stage.clients().arrive(10);
    int keptOut = stage.clients().talk(strangers, Duration.ofSeconds(1)).size();
    stage.clients().leave(strangers);
    if (keptOut < strangers.size()) {
      verdict.failed(strangers.size() - keptOut + " strangers passed the shields");
    }
    shields(false);
    view.say("   " + keptOut + " of " + strangers.size() + " were. Shields down again.");
    arriveSome();
  }

  private void shields(boolean up) throws IOException {
    stage.registry().shields(up);
    stage.await("the shields", () -> stage.shieldsAre(up));
  }

  private static long sum(
      List<SimulatedClient> clients, java.util.function.ToLongFunction<SimulatedClient> figure) {
    return clients.stream().mapToLong(figure).sum();
  }

  /** Leaves everything running until the thread is interrupted. */
  public void keepRunning() throws InterruptedException {
    stage.clients().keepTalking(TALK);
    view.say("");
    view.say("Everything goes on until Ctrl-C. Look around:");
    stage.addresses().forEach(line -> view.say("  " + line));
    Thread.sleep(Long.MAX_VALUE);
  }

  @Override
  public void close() throws IOException {
    stage.close();
  }

  private void arriveSome() throws IOException, InterruptedException {
    arrive(Math.max(clients / 5, 10));
    nextAct();
  }

  private List<SimulatedClient> arrive(int count) throws IOException, InterruptedException {
    List<SimulatedClient> arrived = stage.clients().arrive(count);
    int silent = stage.clients().talk(arrived, PATIENCE).size();
    Map<String, Integer> byServer = Clients.byServer(arrived);
    long onClosed =
        byServer.entrySet().stream()
            .filter(e -> closed.contains(e.getKey()))
            .mapToLong(Map.Entry::getValue)
            .sum();
    verdict.arrived(count, onClosed, silent);
    view.say("   " + count + " new clients: " + inWords(byServer));
    return arrived;
  }

  private static String inWords(Map<String, Integer> byServer) {
    return byServer.entrySet().stream()
        .map(e -> e.getValue() + " on " + e.getKey())
        .collect(Collectors.joining(", "));
  }

  /** Makes a change in the registry and waits until Envoy knows it. */
  private void change(String id, String asEnvoyNamesIt, Change change)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    change.make();
    stage.awaitEnvoyKnows(id, asEnvoyNamesIt);
    Duration time = Duration.ofNanos(System.nanoTime() - start);
    verdict.changeReachedEnvoy(time);
    boolean open = asEnvoyNamesIt.equals("HEALTHY");
    if (open) {
      closed.remove(id);
    } else {
      closed.add(id);
    }
    view.say(
        "   Envoy knows "
            + id
            + " as "
            + (open ? "open" : "closed")
            + " after "
            + time.toMillis()
            + " ms.");
  }

  /** Time for the audience to read, and for the clients to talk. */
  private void nextAct() throws InterruptedException {
    Thread.sleep(2_500);
    view.say("");
  }

  @FunctionalInterface
  private interface Change {
    void make() throws IOException;
  }
}
