package io.bolina.benchmarks;

import io.bolina.runtime.HostPort;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.envoyproxy.envoy.config.core.v3.HealthStatus;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures a change of one server's health from Consul to the last of many streams. */
@Command(
    name = "propagation",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description =
        "From a change of one server's health in a real Consul until the last of many streams has it: Bolina, telling"
            + " by LEDS and by EDS, beside a yardstick and a plain blocking query on the same Consul.")
public final class Propagation implements Callable<Integer> {
  @Option(
      names = "--servers",
      split = ",",
      defaultValue = "100,1000,10000",
      description = "Sizes of the fleet. Default: ${DEFAULT-VALUE}.")
  private List<Integer> servers;

  @Option(
      names = "--streams",
      split = ",",
      defaultValue = "10,100,1000",
      description = "Numbers of streams. Default: ${DEFAULT-VALUE}.")
  private List<Integer> streams;

  @Option(
      names = "--subjects",
      split = ",",
      description = "What to measure: ${COMPLETION-CANDIDATES}. Default: all.")
  private List<Subject> subjects = List.of(Subject.values());

  @Option(
      names = "--changes",
      defaultValue = "20",
      description =
          "Changes that are measured, after as many to warm up. Default: ${DEFAULT-VALUE}.")
  private int changes;

  @Option(
      names = "--connections",
      description =
          "How many connections the streams share. Default: each has its own, as Envoys do; with fewer, the one process"
              + " that stands for all Envoys takes less of the CPU that is measured.")
  private int connections = Integer.MAX_VALUE;

  @Option(
      names = "--reporting",
      defaultValue = "0",
      description = "How many servers report their load every second meanwhile. Default: none.")
  private int reporting;

  @Option(
      names = "--result",
      description = "File for the table, and with the ending .svg for the chart.")
  private Optional<Path> result = Optional.empty();

  private Path directory;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Propagation()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    directory = Files.createTempDirectory("bolina-bench");
    List<Round> rounds = new ArrayList<>();
    try (RealConsul consul =
        RealConsul.start(
            RealPart.CONSUL.installed(), directory.resolve("consul"), Optional.empty())) {
      BenchFleet fleet = new BenchFleet(consul.api());
      for (int size : servers.stream().sorted().toList()) {
        say("%,d servers register", size);
        fleet.grow(size);
        for (int count : streams) {
          for (Subject subject : subjects) {
            Round round = measure(consul, fleet, subject, count);
            rounds.add(round);
            System.err.print(Round.table(List.of(round)).lines().skip(2).findFirst().orElse(""));
            System.err.println();
          }
        }
      }
    }
    System.out.print(Round.table(rounds));
    if (result.isPresent()) {
      Files.writeString(result.get(), Round.table(rounds));
      Path chart = Path.of(result.get().toString().replaceFirst("(\\.[a-z]+)?$", ".svg"));
      Files.writeString(chart, Chart.of(rounds));
    }
    return 0;
  }

  private Round measure(RealConsul consul, BenchFleet fleet, Subject subject, int count)
      throws IOException, InterruptedException {
    say("%s: %,d servers, %,d streams", subject.title(), fleet.size(), count);
    HostPort xds = new HostPort("127.0.0.1", FreePort.tcp());
    ChangeSeen seen = new ChangeSeen();
    try (Child process = subject.start(consul.url(), xds, directory);
        PlainQuery floor = new PlainQuery(consul.url(), seen::seen)) {
      awaitListening(xds, process);
      try (Streams envoys = new Streams(xds, count, connections);
          Reporting reports = new Reporting(fleet, reporting)) {
        long connecting = System.nanoTime();
        envoys.awaitAll(fleet.size());
        say(
            "  all streams have all servers after %.1f s, %,d MB were sent",
            (System.nanoTime() - connecting) / 1e9, envoys.bytes() >> 20);
        ProcessUse use = new ProcessUse(process.pid());
        change(fleet, envoys, seen, changes);
        double cpuBefore = use.cpuMillis();
        long bytesBefore = envoys.bytes();
        List<double[]> measured = change(fleet, envoys, seen, changes);
        return new Round(
            subject,
            fleet.size(),
            count,
            measured.stream().map(m -> m[0]).toList(),
            measured.stream().map(m -> m[1]).toList(),
            (use.cpuMillis() - cpuBefore) / changes,
            (double) (envoys.bytes() - bytesBefore) / changes / count,
            use.residentMegabytes(),
            use.peakMegabytes());
      }
    }
  }

  /** Servers report their loads for as long as this is open. */
  private static final class Reporting implements AutoCloseable {
    private final Thread thread;
    private volatile boolean over;

    private Reporting(BenchFleet fleet, int count) {
      thread =
          new Thread(
              () -> {
                for (int second = 0; !over && count > 0; second++) {
                  long due = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
                  try {
                    fleet.loads(0, count, 0.2 + second % 20 / 100.0);
                    TimeUnit.NANOSECONDS.sleep(Math.max(due - System.nanoTime(), 0));
                  } catch (IOException e) {
                    throw new IllegalStateException("the loads cannot be reported", e);
                  } catch (InterruptedException e) {
                    return;
                  }
                }
              },
              "reports");
      thread.setDaemon(true);
      thread.start();
    }

    @Override
    public void close() throws InterruptedException {
      over = true;
      thread.join();
    }
  }

  /** When the plain query had a change. */
  private static final class ChangeSeen {
    private String awaited = "";
    private boolean critical;
    private long at;

    private synchronized void await(String id, boolean becomesCritical) {
      awaited = id;
      critical = becomesCritical;
      at = 0;
    }

    private synchronized void seen(String criticalNow, long when) {
      if (at == 0 && !awaited.isEmpty() && criticalNow.contains(awaited + " ") == critical) {
        at = when;
        notifyAll();
      }
    }

    private synchronized long at() throws InterruptedException {
      while (at == 0) {
        wait();
      }
      return at;
    }
  }

  private List<double[]> change(BenchFleet fleet, Streams envoys, ChangeSeen seen, int count)
      throws IOException, InterruptedException {
    List<double[]> measured = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int server = (i / 2 * 37 + 11) % fleet.size();
      boolean critical = i % 2 == 0;
      seen.await(BenchFleet.id(server), critical);
      long before = System.nanoTime();
      fleet.health(server, critical ? "critical" : "passing");
      List<Long> arrived =
          envoys.awaitSince(
              before,
              BenchFleet.address(server),
              critical ? HealthStatus.DEGRADED : HealthStatus.HEALTHY);
      long last = arrived.stream().mapToLong(Long::longValue).max().orElseThrow();
      measured.add(new double[] {(last - before) / 1e6, (seen.at() - before) / 1e6});
      // Let acknowledgements be read, files be written and windows end: all that is the change's.
      Thread.sleep(400);
    }
    return measured;
  }

  static void awaitListening(HostPort xds, Child process) throws InterruptedException {
    for (int i = 0; i < 1_200; i++) {
      try (var socket = new java.net.Socket()) {
        socket.connect(xds.socketAddress());
        return;
      } catch (IOException e) {
        if (!process.isAlive()) {
          throw new IllegalStateException("it exited. " + process.lastWords(), e);
        }
        Thread.sleep(50);
      }
    }
    throw new IllegalStateException("nobody listens on " + xds + ". " + process.lastWords());
  }

  private static void say(String text, Object... values) {
    System.err.printf(
        Locale.ROOT,
        "%s %s%n",
        LocalTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS),
        String.format(Locale.ROOT, text, values));
  }
}
