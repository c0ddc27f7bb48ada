package io.bolina.sandbox.chaos;

import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.ServerWithAgent;
import io.bolina.sandbox.client.Clients;
import io.bolina.sandbox.client.SimulatedClient;
import io.bolina.sandbox.client.SimulatedClient.Break;
import io.bolina.sandbox.client.SimulatedClient.Loss;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Real control planes (each on a Consul agent of its own), Envoys, and servers with agents; faults
 * of every kind at random, from a seed; known clients that send all the while, and new ones that
 * arrive all the time. It counts what became of them.
 */
public final class Chaos {
  /** After a fault of Consul's server the next one waits so long, in milliseconds. */
  private static final long CONSUL_REST = 20_000;

  /** A fault that is over has effects for so long, in nanoseconds. */
  private static final long AFTERMATH = 25_000_000_000L;

  /**
   * That a server has ended may reach an Envoy so many nanoseconds after it is back. Its clients
   * have lost their sessions with the process either way.
   */
  private static final long SAID_LATE = 2_000_000_000L;

  private final Sandbox sandbox;
  private final ChaosSettings settings;
  private final Consumer<String> progress;
  private final Timeline faults = new Timeline();
  private final Timeline closed = new Timeline();
  private final Timeline dead = new Timeline();
  private final Timeline hung = new Timeline();
  private final List<ChaosServer> servers = new ArrayList<>();
  private final List<Replica> replicas = new ArrayList<>();
  private final List<String> peers = new ArrayList<>();
  private final Set<String> befallen = new HashSet<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private final ExecutorService threads = Executors.newCachedThreadPool(Chaos::daemon);
  private RealConsul hostConsul;
  private Clients known;
  private long start;
  private long consulRestsUntil;
  private int made;

  private static final class Replica {
    private final String name;
    private final RealConsul consul;
    private volatile BolinaProcess process;

    private Replica(String name, RealConsul consul) {
      this.name = name;
      this.consul = consul;
    }
  }

  /**
   * Made ready in a sandbox of its own.
   *
   * @param progress is told each fault, a line each
   */
  public Chaos(Sandbox sandbox, ChaosSettings settings, Consumer<String> progress) {
    this.sandbox = sandbox;
    this.settings = settings;
    this.progress = progress;
  }

  /** Starts everything, makes the faults, ends them, and counts. */
  public ChaosResult run() throws IOException, InterruptedException {
    startParts();
    known = sandbox.clients();
    known.arrive(settings.clients());
    if (!known.talk(Waiting.LONG).isEmpty()) {
      throw new IllegalStateException("clients have no answer before the first fault");
    }
    Clients arriving = sandbox.clientsFrom(100_001);
    Newcomers newcomers = new Newcomers(arriving, settings.newPerSecond());
    for (ChaosServer server : servers) {
      threads.execute(() -> reportEachSecond(server));
    }
    known.keepTalking(settings.interval());
    newcomers.start();
    start = System.nanoTime();
    makeFaults();
    over.countDown();
    threads.shutdown();
    if (!threads.awaitTermination(Waiting.LONG.toSeconds(), TimeUnit.SECONDS)) {
      throw new IllegalStateException("faults cannot be ended: " + befallen);
    }
    List<Newcomers.Arrived> arrived = newcomers.end();
    Thread.sleep(1_000);
    known.rest();
    Thread.sleep(1_000);
    return count(arriving, arrived);
  }

  private void startParts() throws IOException {
    hostConsul = sandbox.closed(sandbox.consul().join(sandbox.directory().resolve("host"), "host"));
    for (int i = 1; i <= settings.servers(); i++) {
      String id = "b-" + i;
      ServerWithAgent parts =
          sandbox.closed(
              new ServerWithAgent(
                  sandbox.directory(),
                  id,
                  hostConsul.url(),
                  i % 2 == 0 ? new String[] {"--probe-udp", "ping"} : new String[0]));
      parts.start();
      servers.add(new ChaosServer(parts, closed, dead, hung));
    }
    for (int i = 1; i <= settings.replicas(); i++) {
      peers.add("--peers=" + sandbox.admin("cp-" + i));
    }
    for (int i = 1; i <= settings.replicas(); i++) {
      String name = "cp-" + i;
      Replica replica =
          new Replica(
              name,
              sandbox.closed(
                  sandbox.consul().join(sandbox.directory().resolve(name + "-consul"), name)));
      replicas.add(replica);
      startControlPlane(replica);
    }
    servers.forEach(s -> s.parts().awaitAnswering());
    for (Replica replica : replicas) {
      Waiting.until(
          replica.name + " to be ready",
          Waiting.LONG,
          () -> replica.process.admin().status("/readyz") == 200,
          replica.process.child()::lastWords);
    }
    List<RealEnvoy> envoys = new ArrayList<>();
    for (int i = 1; i <= settings.envoys(); i++) {
      envoys.add(sandbox.envoy("edge-" + i));
    }
    for (RealEnvoy envoy : envoys) {
      Waiting.until(
          "Envoy to have every server open",
          Waiting.LONG,
          () ->
              envoy.stat("cluster." + Sandbox.SERVICE + ".membership_healthy")
                  == settings.servers(),
          envoy::lastWords);
    }
  }

  private void startControlPlane(Replica replica) throws IOException {
    replica.process =
        sandbox.controlPlaneProcess(
            replica.name,
            replica.consul.url(),
            Stream.concat(peers.stream(), settings.controlPlaneOptions().stream())
                .toArray(String[]::new));
  }

  private void reportEachSecond(ChaosServer server) {
    try {
      do {
        report(server);
      } while (!over.await(1, TimeUnit.SECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void report(ChaosServer server) throws InterruptedException {
    try {
      server.report(sessions(server));
    } catch (IOException e) {
      // Its agent is away; it reports again in a second.
    }
  }

  private long sessions(ChaosServer server) {
    return 1L + Clients.byServer(known.all()).getOrDefault(server.id(), 0);
  }

  private void makeFaults() throws InterruptedException {
    for (FaultPlan.Planned next : FaultPlan.of(settings)) {
      long wait = start / 1_000_000 + next.atMillis() - System.nanoTime() / 1_000_000;
      if (wait > 0) {
        Thread.sleep(wait);
      }
      begin(next);
    }
    long rest = start + settings.length().toNanos() - System.nanoTime();
    if (rest > 0) {
      Thread.sleep(rest / 1_000_000);
    }
  }

  private void begin(FaultPlan.Planned next) {
    switch (next.kind().subject()) {
      case REPLICA -> {
        List<Replica> free = replicas.stream().filter(r -> !isBefallen(r.name)).toList();
        if (free.size() > 1) {
          Replica replica = free.get(next.subject() % free.size());
          make(next, replica.name, () -> strike(next.kind(), replica));
        }
      }
      case CONSUL -> {
        if (!isBefallen("consul") && System.nanoTime() > consulRestsUntil) {
          make(next, "consul", () -> strikeConsul(next.kind()));
        }
      }
      case SERVER -> {
        List<ChaosServer> free = servers.stream().filter(s -> !isBefallen(s.id())).toList();
        if (free.size() > (servers.size() + 1) / 2) {
          ChaosServer server = free.get(next.subject() % free.size());
          make(next, server.id(), () -> strike(next.kind(), server));
        }
      }
    }
  }

  private boolean isBefallen(String subject) {
    synchronized (befallen) {
      return befallen.contains(subject);
    }
  }

  private interface Step {
    void run() throws IOException, InterruptedException;
  }

  private interface Stroke {
    /** Makes the fault and returns what ends it. */
    Step make() throws IOException, InterruptedException;
  }

  private void make(FaultPlan.Planned next, String subject, Stroke stroke) {
    synchronized (befallen) {
      befallen.add(subject);
    }
    made++;
    threads.execute(
        () -> {
          Timeline.Span span = faults.begin(next.kind().toString(), subject);
          say(
              subject
                  + ": "
                  + next.kind()
                  + String.format(Locale.ROOT, " for %.1f s", next.lengthMillis() / 1e3));
          try {
            Step end = stroke.make();
            boolean hurried = over.await(next.lengthMillis(), TimeUnit.MILLISECONDS);
            untilDone(end);
            say(subject + ": " + next.kind() + " is over" + (hurried ? ", as the run is" : ""));
          } catch (IOException | RuntimeException e) {
            say(subject + ": " + next.kind() + " failed: " + e);
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          } finally {
            span.end();
            if (subject.equals("consul")) {
              consulRestsUntil =
                  System.nanoTime() + (long) (CONSUL_REST * 1e6 * settings.faultLength());
            }
            synchronized (befallen) {
              befallen.remove(subject);
            }
          }
        });
  }

  /** Consul may be away just then: it is tried for a minute. */
  private static void untilDone(Step end) throws IOException, InterruptedException {
    for (int tries = 0; ; tries++) {
      try {
        end.run();
        return;
      } catch (IOException e) {
        if (tries == 60) {
          throw e;
        }
        Thread.sleep(1_000);
      }
    }
  }

  private Step strike(FaultKind kind, Replica replica) throws IOException {
    switch (kind) {
      case REPLICA_STOPPED -> {
        replica.process.child().signal("STOP");
        return () -> replica.process.child().signal("CONT");
      }
      case REPLICA_BLIND -> {
        replica.consul.kill();
        return replica.consul::start;
      }
      case REPLICA_RESTARTED -> replica.process.child().terminate();
      default -> replica.process.child().kill();
    }
    return () -> startControlPlane(replica);
  }

  private Step strikeConsul(FaultKind kind) throws IOException {
    RealConsul consul = sandbox.consul();
    consul.kill();
    if (kind == FaultKind.CONSUL_WIPED) {
      consul.loseData();
      // Orders are keys: nobody knows of them any more.
      servers.forEach(server -> server.opens("ordered"));
    }
    return () -> {
      consul.start();
      consul.meet(hostConsul);
      for (Replica replica : replicas) {
        if (replica.consul.isAlive()) {
          consul.meet(replica.consul);
        }
      }
    };
  }

  private Step strike(FaultKind kind, ChaosServer server) throws IOException, InterruptedException {
    ServerWithAgent parts = server.parts();
    switch (kind) {
      case CRITICAL, WARNING -> {
        server.says(kind == FaultKind.CRITICAL ? "critical" : "warning");
        report(server);
        return () -> passingAgain(server);
      }
      case OVERLOADED -> {
        server.saysOverloaded();
        report(server);
        return () -> passingAgain(server);
      }
      case CRITICAL_THEN_OVERLOADED -> {
        server.says("critical");
        report(server);
        if (!over.await(4, TimeUnit.SECONDS)) {
          server.saysOverloaded();
          report(server);
        }
        return () -> passingAgain(server);
      }
      case ORDERED_TO_DRAIN -> {
        ConsulApi consul = hostConsul.api();
        String key = "bolina/drain/" + Sandbox.SERVICE + "/" + server.id();
        consul.put("/v1/kv/" + key, "{\"by\": \"chaos\"}");
        server.closes("ordered", "ordered to drain");
        return () -> {
          server.opens("ordered");
          consul.deleteKey(key);
        };
      }
      case MAINTENANCE -> {
        hostConsul.api().maintenance(server.id(), true);
        server.closes("maintenance", "maintenance");
        return () -> {
          server.opens("maintenance");
          hostConsul.api().maintenance(server.id(), false);
        };
      }
      case AGENT_KILLED -> {
        parts.agent().child().kill();
        return parts::startAgent;
      }
      case HUNG -> {
        server.stop();
        return server::goOn;
      }
      case KILLED_WITH_AGENT -> {
        parts.agent().child().kill();
        server.kill();
        return () -> {
          server.startAgain();
          parts.startAgent();
        };
      }
      case DRAINED -> {
        parts.agent().child().signal("TERM");
        server.closes("drain", "draining");
        Thread.sleep(3_000);
        server.endsSoon();
        parts.agent().child().signal("TERM"); // it waits no longer
        parts.agent().child().awaitEnd(Waiting.LONG);
        server.kill();
        server.opens("drain");
        return () -> {
          server.startAgain();
          parts.startAgent();
        };
      }
      default -> {
        server.kill();
        return server::startAgain;
      }
    }
  }

  private void passingAgain(ChaosServer server) throws InterruptedException {
    server.says("passing");
    report(server);
  }

  private void say(String what) {
    progress.accept(
        String.format(Locale.ROOT, "%6.1f s  %s", (System.nanoTime() - start) / 1e9, what));
  }

  private ChaosResult count(Clients arriving, List<Newcomers.Arrived> arrived) {
    List<String> moved = new ArrayList<>();
    int movedFromDead = 0;
    double longest = 0;
    for (Break one : Stream.concat(known.breaks().stream(), arriving.breaks().stream()).toList()) {
      double silence = (one.atNanos() - one.sinceNanos()) / 1e9;
      if (dead.had(one.from(), one.sinceNanos() - SAID_LATE, one.atNanos())) {
        movedFromDead++;
        longest = Math.max(longest, silence);
      } else {
        moved.add(
            String.format(
                Locale.ROOT,
                "client %d from %s to %s at %.1f s; %s",
                one.client(),
                one.from(),
                one.to(),
                (one.atNanos() - start) / 1e9,
                wrong(one.from(), one.sinceNanos(), one.atNanos())));
      }
    }
    List<String> unanswered = new ArrayList<>();
    long byDead = 0;
    for (Loss loss : known.losses()) {
      double silence = (loss.atNanos() - loss.sinceNanos()) / 1e9;
      if (isExcused(loss.server(), loss.sinceNanos(), loss.atNanos())) {
        byDead += loss.datagrams();
        longest = Math.max(longest, silence);
      } else {
        unanswered.add(
            String.format(
                Locale.ROOT,
                "%d of client %d on %s at %.1f s, for %.1f s; %s",
                loss.datagrams(),
                loss.client(),
                loss.server(),
                (loss.sinceNanos() - start) / 1e9,
                silence,
                wrong(loss.server(), loss.sinceNanos(), loss.atNanos())));
      }
    }
    long now = System.nanoTime();
    for (SimulatedClient client : known.all()) {
      String server = client.server().orElse("");
      if (client.outstanding() > 0) {
        double silence = (now - client.newestAnswerNanos()) / 1e9;
        if (isExcused(server, client.newestAnswerNanos(), now)) {
          byDead += client.outstanding();
          longest = Math.max(longest, silence);
        } else {
          unanswered.add(
              String.format(
                  Locale.ROOT,
                  "%d of client %d on %s, the last ones, for %.1f s",
                  client.outstanding(),
                  client.number(),
                  server,
                  silence));
        }
      }
    }
    return new ChaosResult(
        made,
        known.sentByAll() + arriving.sentByAll(),
        settings.clients(),
        moved,
        movedFromDead,
        unanswered,
        byDead,
        longest,
        arrived.size(),
        arrived.stream().flatMap(this::onClosed).toList(),
        arrived.stream().filter(a -> a.server().isEmpty()).map(this::unansweredBecause).toList());
  }

  private boolean isExcused(String server, long since, long until) {
    return dead.had(server, since, until) || hung.had(server, since, until);
  }

  private Stream<ChaosResult.Late> onClosed(Newcomers.Arrived one) {
    return closed
        .throughout(one.server(), one.sentNanos(), one.answeredNanos())
        .map(
            span ->
                late(
                    span.from(),
                    one.sentNanos(),
                    span.what() + wrongBeside(span.from(), one.sentNanos())))
        .stream();
  }

  private ChaosResult.Late late(long since, long at, String cause) {
    long away = faults.spent("consul", since, at);
    return new ChaosResult.Late((at - since) / 1e9, (at - since - away) / 1e9, cause);
  }

  /** Whose client it was cannot be known; it came while these were dead or hung. */
  private ChaosResult.Late unansweredBecause(Newcomers.Arrived one) {
    List<Timeline.Span> spans =
        Stream.concat(
                dead.during(one.sentNanos(), one.sentNanos()).stream(),
                hung.during(one.sentNanos(), one.sentNanos()).stream())
            .toList();
    long since = spans.stream().mapToLong(Timeline.Span::from).max().orElse(one.sentNanos());
    Set<String> what = new TreeSet<>();
    spans.forEach(span -> what.add("a server " + span.what()));
    return late(
        since,
        one.sentNanos(),
        (what.isEmpty() ? "no server dead or hung" : String.join(" and ", what))
            + wrongBeside(since, one.sentNanos()));
  }

  /**
   * What was wrong with others than servers, and what had been a moment before: an Envoy takes a
   * while to come back.
   */
  private String wrongBeside(long since, long until) {
    Set<String> now = new TreeSet<>();
    Set<String> before = new TreeSet<>();
    for (Timeline.Span span : faults.during(since - AFTERMATH, until)) {
      if (servers.stream().noneMatch(s -> s.id().equals(span.subject()))) {
        (span.meets(since, until) ? now : before).add(span.what());
      }
    }
    if (!now.isEmpty()) {
      return "; " + String.join(", ", now);
    }
    return before.isEmpty() ? "" : "; shortly after " + String.join(", ", before);
  }

  private String wrong(String server, long since, long until) {
    Set<String> what = new TreeSet<>();
    for (Timeline.Span span : faults.during(since - 60_000_000_000L, until)) {
      what.add(
          String.format(
              Locale.ROOT,
              "%s: %s since %.1f s",
              span.subject(),
              span.what(),
              (span.from() - start) / 1e9));
    }
    return server + " lives; in the minute before: " + String.join(", ", what);
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "chaos");
    thread.setDaemon(true);
    return thread;
  }
}
