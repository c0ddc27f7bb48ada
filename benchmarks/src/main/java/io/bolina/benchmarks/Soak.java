package io.bolina.benchmarks;

import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** A long time of many changes, and whether the control plane holds more at its end. */
@Command(
    name = "soak",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description =
        "A control plane on a real Consul while loads and health of a fleet change, Envoys come and go, and hostile"
            + " and mute peers connect. Every few seconds: its memory, threads and descriptors, and the memory of two"
            + " real Envoys. Fails if one of them grows.")
public final class Soak implements Callable<Integer> {
  /** Loads that are written at once: Consul's limit on operations. */
  private static final int TOGETHER = 64;

  @Option(
      names = "--minutes",
      defaultValue = "60",
      description = "For how long. Default: ${DEFAULT-VALUE}.")
  private double minutes;

  @Option(
      names = "--rate",
      defaultValue = "300",
      description =
          "Changes a second of loads, and one in 64 of health. Default: ${DEFAULT-VALUE}.")
  private int rate;

  @Option(
      names = "--servers",
      defaultValue = "256",
      description = "Size of the fleet. Default: ${DEFAULT-VALUE}.")
  private int servers;

  @Option(
      names = "--streams",
      defaultValue = "50",
      description =
          "Envoys that stay; a fifth as many come and go every two seconds. Default: ${DEFAULT-VALUE}.")
  private int streams;

  @Option(
      names = "--every",
      defaultValue = "5",
      description = "Seconds between samples. Default: ${DEFAULT-VALUE}.")
  private int every;

  @Option(
      names = "--result",
      defaultValue = "soak.csv",
      description =
          "File for the samples, and with the ending .svg for the chart. Default: ${DEFAULT-VALUE}.")
  private Path result;

  private final AtomicLong changes = new AtomicLong();
  private final AtomicLong visits = new AtomicLong();
  private final AtomicReference<Exception> failure = new AtomicReference<>();
  private volatile boolean over;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Soak()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path directory = Files.createTempDirectory("bolina-soak");
    HostPort xds = new HostPort("127.0.0.1", FreePort.tcp());
    HostPort admin = new HostPort("127.0.0.1", FreePort.tcp());
    List<SoakSample> samples = new ArrayList<>();
    try (RealConsul consul =
            RealConsul.start(
                RealPart.CONSUL.installed(), directory.resolve("consul"), Optional.empty());
        BolinaProcess process =
            BolinaProcess.start(
                directory.resolve("control-plane.log"),
                "control-plane",
                "--consul",
                consul.url().toString(),
                "--service",
                BenchFleet.SERVICE + "=127.0.0.1:" + FreePort.udp(),
                "--xds",
                xds.toString(),
                "--admin",
                admin.toString(),
                "--state-dir",
                directory.resolve("state").toString())) {
      BenchFleet fleet = new BenchFleet(consul.api());
      fleet.grow(servers);
      Propagation.awaitListening(xds, process.child());
      try (RealEnvoy envoy = envoy(directory, "stays", xds, Optional.empty());
          RealEnvoy withModule =
              envoy(directory, "module", xds, Optional.of(GateModule.neededFolder()));
          Streams envoys = new Streams(xds, streams, streams)) {
        envoys.awaitAll(servers);
        List<Thread> threads =
            List.of(
                start("changes", () -> change(fleet)),
                start("visits", () -> visit(xds)),
                start("real visits", () -> visitWithEnvoy(directory, xds)),
                start("hostile", () -> annoy(xds)));
        sample(process, envoy, withModule, envoys, samples);
        over = true;
        for (Thread thread : threads) {
          thread.join();
        }
      }
    }
    Path chart = Path.of(result.toString().replaceFirst("(\\.[a-z]+)?$", ".svg"));
    Files.writeString(chart, SoakChart.of(samples));
    return verdict(samples);
  }

  private void sample(
      BolinaProcess process,
      RealEnvoy envoy,
      RealEnvoy withModule,
      Streams envoys,
      List<SoakSample> samples)
      throws Exception {
    Files.writeString(result, SoakSample.HEAD);
    long begin = System.nanoTime();
    double seconds;
    do {
      TimeUnit.SECONDS.sleep(every);
      seconds = (System.nanoTime() - begin) / 1e9;
      SoakSample sample = SoakSample.of(process, envoy, withModule, seconds, changes.get());
      samples.add(sample);
      Files.writeString(result, sample.line(), StandardOpenOption.APPEND);
      envoys.check();
      if (failure.get() != null) {
        throw failure.get();
      }
    } while (seconds < minutes * 60);
    System.err.printf(
        Locale.ROOT,
        "%,d changes, %,d Envoys came and went, %,d MB to those that stayed%n",
        changes.get(),
        visits.get(),
        envoys.bytes() >> 20);
  }

  private static int verdict(List<SoakSample> samples) {
    if (samples.size() < 8) {
      System.err.println("too few samples to say whether anything grows");
      return 1;
    }
    System.out.println("| | second quarter | last quarter | an hour | |\n|---|---|---|---|---|");
    boolean flat = true;
    for (SoakTrend trend : SoakTrend.values()) {
      System.out.print(trend.line(samples));
      flat &= trend.isFlat(samples);
    }
    return flat ? 0 : 1;
  }

  private interface Task {
    void run() throws Exception;
  }

  private Thread start(String name, Task task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.run();
              } catch (Exception e) {
                failure.compareAndSet(null, new IllegalStateException(name + " failed", e));
              }
            },
            name);
    thread.setDaemon(true);
    thread.start();
    return thread;
  }

  private void change(BenchFleet fleet) throws IOException, InterruptedException {
    long begin = System.nanoTime();
    for (int turn = 0; !over; turn++) {
      fleet.loads(turn * TOGETHER % servers, TOGETHER, 0.2 + turn % 50 / 100.0);
      fleet.health(turn % servers, turn / servers % 2 == 0 ? "critical" : "passing");
      long due = begin + changes.addAndGet(TOGETHER + 1) * 1_000_000_000L / rate;
      TimeUnit.NANOSECONDS.sleep(Math.max(due - System.nanoTime(), 0));
    }
  }

  private void visit(HostPort xds) throws InterruptedException {
    while (!over) {
      int count = Math.max(1, streams / 5);
      try (Streams visitors = new Streams(xds, count, count)) {
        visitors.awaitAll(servers);
        TimeUnit.SECONDS.sleep(1);
      }
      visits.addAndGet(count);
      TimeUnit.SECONDS.sleep(1);
    }
  }

  /** An Envoy with all servers, or an error. */
  private RealEnvoy envoy(Path directory, String name, HostPort xds, Optional<Path> module)
      throws IOException {
    RealEnvoy envoy =
        RealEnvoy.start(
            RealPart.ENVOY.installed(),
            directory,
            name,
            List.of(xds),
            Protocol.INCREMENTAL,
            module,
            module.isPresent());
    Waiting.until(
        "Envoy " + name + " to have all servers",
        Waiting.LONG,
        () -> envoy.servers(BenchFleet.SERVICE).size() == servers,
        envoy::lastWords);
    return envoy;
  }

  /** A real Envoy comes, and is killed. */
  private void visitWithEnvoy(Path directory, HostPort xds) throws Exception {
    while (!over) {
      try (RealEnvoy envoy = envoy(directory, "visitor", xds, Optional.empty())) {
        TimeUnit.SECONDS.sleep(2);
      }
      visits.incrementAndGet();
      for (int second = 0; second < 20 && !over; second++) {
        TimeUnit.SECONDS.sleep(1);
      }
    }
  }

  private void annoy(HostPort xds) throws IOException, InterruptedException {
    try (HostilePeers peers = new HostilePeers(xds);
        MuteEnvoys mute = new MuteEnvoys(xds)) {
      while (!over) {
        peers.one();
        mute.one();
        TimeUnit.MILLISECONDS.sleep(250);
      }
    }
  }
}
