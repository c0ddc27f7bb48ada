package io.bolina.benchmarks;

import io.bolina.runtime.HostPort;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.ServerWithAgent;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * How long the clients of a server go without an answer after a fault of that server: behind an
 * Envoy of Bolina's and, on the same servers and in the same moment, behind Envoys without Bolina.
 */
@Command(
    name = "faults",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Measures how long the known clients of a server go without an answer after each kind of fault, behind Bolina and behind plain Envoys with the same servers.",
      "Clients never change their socket."
    })
public final class Faults implements Callable<Integer> {
  @Option(names = "--servers", defaultValue = "4", description = "Default: ${DEFAULT-VALUE}.")
  private int servers;

  @Option(
      names = "--clients",
      defaultValue = "100",
      description = "Clients of each Envoy. Default: ${DEFAULT-VALUE}.")
  private int clients;

  @Option(
      names = "--faults",
      split = ",",
      description = "Which ones, of: ${COMPLETION-CANDIDATES}. Default: all.")
  private List<ServerFault> faults = List.of(ServerFault.values());

  @Option(
      names = "--times",
      defaultValue = "1",
      description = "How often each fault is made. Default: ${DEFAULT-VALUE}.")
  private int times;

  @Option(
      names = "--watch",
      defaultValue = "20",
      description =
          "Seconds after a fault for which the clients are watched; after the loss of a machine, three times as many. Default: ${DEFAULT-VALUE}.")
  private int watchSeconds;

  @Option(
      names = "--control-plane-options",
      split = " ",
      description = "Further options of the control plane.")
  private List<String> controlPlaneOptions = List.of();

  /** A datagram of each client in so many milliseconds: the resolution of what is measured. */
  private static final Duration INTERVAL = Duration.ofMillis(100);

  private Sandbox sandbox;
  private int firstClient = 1;
  private final List<Front> fronts = new ArrayList<>();
  private final List<ServerWithAgent> fleet = new ArrayList<>();

  /** An Envoy and where its clients come. */
  private record Front(String title, HostPort at, RealEnvoy envoy) {}

  /** The clients of a front during a fault. */
  private record Watched(
      Front front, Clients clients, List<SimulatedClient> victims, String victim) {}

  public static void main(String[] args) {
    System.exit(new CommandLine(new Faults()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    try (Sandbox opened = new Sandbox()) {
      sandbox = opened;
      RealConsul far =
          sandbox.closed(sandbox.consul().join(opened.directory().resolve("far"), "far"));
      // The last one is on a machine of its own.
      for (int i = 1; i <= servers; i++) {
        ServerWithAgent server =
            sandbox.closed(
                new ServerWithAgent(
                    sandbox.directory(),
                    "b-" + i,
                    i == servers ? far.url() : sandbox.consul().url(),
                    "--probe-udp",
                    "ping",
                    "--drain-time",
                    "3s"));
        server.start();
        fleet.add(server);
      }
      String[] options = controlPlaneOptions.toArray(String[]::new);
      BolinaProcess controlPlane =
          sandbox.controlPlaneProcess("cp", sandbox.consul().url(), options);
      fleet.forEach(ServerWithAgent::awaitAnswering);
      Waiting.until(
          "the control plane to be ready",
          Waiting.LONG,
          () -> controlPlane.admin().status("/readyz") == 200,
          controlPlane.child()::lastWords);
      fronts.add(new Front("Bolina", sandbox.front(), sandbox.envoy("edge")));
      for (PlainEnvoy plain : PlainEnvoy.values()) {
        HostPort at = new HostPort("127.0.0.1", FreePort.udp());
        fronts.add(
            new Front(
                plain.title(),
                at,
                sandbox.closed(
                    RealEnvoy.start(
                        RealPart.ENVOY.installed(),
                        sandbox.directory(),
                        plain.name().toLowerCase(Locale.ROOT),
                        plain.bootstrap(at, fleet),
                        Map.of()))));
      }
      System.out.printf(
          Locale.ROOT,
          "%d servers, each with an agent; %d clients of each Envoy, a datagram every %d ms%n%n",
          servers,
          clients,
          INTERVAL.toMillis());
      System.out.println(
          "| fault | Envoy | clients of the server | half answered again | all | at the end on another server | on the same | without an answer | clients of other servers moved | load of the machine |");
      System.out.println("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
      for (ServerFault fault : faults) {
        Map<String, Row> rows = new LinkedHashMap<>();
        for (int i = 0; i < times; i++) {
          measure(fault, far, rows);
        }
        rows.values().forEach(row -> System.out.println(row.line(fault)));
      }
    }
    return 0;
  }

  private void measure(ServerFault fault, RealConsul far, Map<String, Row> rows) throws Exception {
    awaitWell();
    ServerWithAgent victim = fault.ofMachine() ? fleet.get(servers - 1) : fleet.get(0);
    List<Watched> watched = new ArrayList<>();
    try {
      for (Front front : fronts) {
        watched.add(arriveAt(front, victim));
      }
      watched.forEach(w -> w.clients().keepTalking(INTERVAL));
      Thread.sleep(1_000);
      int port = victim.endpoint().port();
      long begun = System.nanoTime();
      long from = fault.strike(victim, far);
      int seconds = fault.ofMachine() ? 3 * watchSeconds : watchSeconds;
      long end = from + Duration.ofSeconds(seconds).toNanos();
      fault.after(victim, from, end);
      long rest = end - System.nanoTime();
      if (rest > 0) {
        Thread.sleep(rest / 1_000_000);
      }
      for (Watched w : watched) {
        w.clients().rest();
      }
      Thread.sleep(300);
      for (Watched w : watched) {
        rows.computeIfAbsent(w.front().title(), Row::new).add(w, begun, from);
      }
      fault.undo(victim, port, far);
    } finally {
      for (Watched w : watched) {
        w.clients().close();
      }
    }
  }

  private Watched arriveAt(Front front, ServerWithAgent victim) throws Exception {
    Clients some = new Clients(front.at().socketAddress(), firstClient);
    firstClient += clients;
    some.arrive(clients);
    List<SimulatedClient> silent = some.talk(Waiting.LONG);
    if (!silent.isEmpty()) {
      throw new IllegalStateException(
          silent.size() + " clients of " + front.title() + " have no answer before the fault");
    }
    return new Watched(
        front,
        some,
        some.all().stream().filter(c -> c.server().orElse("").equals(victim.id())).toList(),
        victim.id());
  }

  /** What became of a front's clients, each time that a fault was made. */
  private static final class Row {
    private final String front;
    private final List<Long> again = new ArrayList<>();
    private long onAnother;
    private long silent;
    private long others;
    private double load;

    private Row(String front) {
      this.front = front;
    }

    private void add(Watched w, long begun, long from) {
      w.victims().forEach(c -> again.add(answeredAgain(c, begun, from)));
      silent += w.victims().stream().filter(Faults::isSilent).count();
      onAnother +=
          w.victims().stream().filter(c -> !c.server().orElse("").equals(w.victim())).count();
      others +=
          w.clients().all().stream()
              .filter(c -> !w.victims().contains(c))
              .filter(c -> !c.breaks().isEmpty())
              .count();
      load = Math.max(load, ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    }

    private String line(ServerFault fault) {
      List<Long> sorted = again.stream().sorted().toList();
      int count = sorted.size();
      boolean alive = fault.serverLives() || count == 0;
      return String.format(
          Locale.ROOT,
          "| %s | %s | %d | %s | %s | %d | %d | %d | %d | %.1f |",
          fault.title(),
          front,
          count,
          alive ? "" : time(sorted.get((count - 1) / 2)),
          alive ? "" : time(sorted.get(count - 1)),
          onAnother,
          count - onAnother - silent,
          silent,
          others,
          load);
    }
  }

  /** Whether it has had no answer for the last two seconds. */
  private static boolean isSilent(SimulatedClient client) {
    return client.outstanding() > Duration.ofSeconds(2).dividedBy(INTERVAL);
  }

  /**
   * Nanoseconds from the end of its server until a client had its first answer on another
   * connection, 0 if it had that before; {@code Long.MAX_VALUE} if it had none.
   *
   * @param begun when the fault began: a drain ends the server later
   */
  private static long answeredAgain(SimulatedClient client, long begun, long from) {
    return client.breaks().stream()
        .filter(b -> b.atNanos() > begun)
        .mapToLong(b -> Math.max(0, b.atNanos() - from))
        .min()
        .orElse(Long.MAX_VALUE);
  }

  private static String time(long nanos) {
    return nanos == Long.MAX_VALUE ? "never" : String.format(Locale.ROOT, "%.2f s", nanos / 1e9);
  }

  /** Waits until every Envoy has every server, and open. */
  private void awaitWell() {
    for (Front front : fronts) {
      Waiting.until(
          front.title() + " to have every server open",
          Waiting.LONG,
          () ->
              front.envoy().stat("cluster.bolina.membership_healthy") == servers
                  && front.envoy().servers(Sandbox.SERVICE).entrySet().stream()
                      .filter(at -> at.getValue().equals("HEALTHY"))
                      .map(Map.Entry::getKey)
                      .collect(Collectors.toSet())
                      .equals(
                          fleet.stream()
                              .map(s -> s.endpoint().toString())
                              .collect(Collectors.toSet())),
          () -> describe(front));
    }
  }

  private static String describe(Front front) {
    try {
      return front.envoy().stats("cluster.bolina.membership.*").toString()
          + front.envoy().servers(Sandbox.SERVICE);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
