package io.bolina.benchmarks;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * A model of what does not fit on one machine: large fleets, many replicas and Envoys, from the
 * measured cost of the parts (docs/performance.md). docs/scaling.md says what follows.
 */
@Command(
    name = "scale",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description =
        "Simulates an hour of many servers, replicas and Envoys, from measured costs of the parts.")
public final class ScaleModel implements Callable<Integer> {
  @Option(names = "--servers", defaultValue = "100000", description = "Default: ${DEFAULT-VALUE}.")
  private int servers;

  @Option(names = "--envoys", defaultValue = "10000", description = "Default: ${DEFAULT-VALUE}.")
  private int envoys;

  @Option(
      names = "--changes-per-server",
      defaultValue = "24",
      description =
          "Changes of health or weight of one server in a day, each of which is sent to Envoys."
              + " Default: ${DEFAULT-VALUE}.")
  private double changesPerServer;

  @Option(
      names = "--consul-per-server",
      defaultValue = "20",
      description =
          "Microseconds from a change until Consul's answer is read, per listed server. Default: ${DEFAULT-VALUE}.")
  private double consulMicros;

  @Option(
      names = "--read-per-server",
      defaultValue = "4",
      description =
          "CPU microseconds of a control plane per listed server and answer. Default: ${DEFAULT-VALUE}.")
  private double readMicros;

  @Option(
      names = "--send-per-stream",
      defaultValue = "45",
      description =
          "CPU microseconds of a control plane per stream and response. Default: ${DEFAULT-VALUE}.")
  private double sendMicros;

  @Option(
      names = "--bytes-per-server",
      defaultValue = "1100",
      description = "Bytes of Consul's answer per listed server. Default: ${DEFAULT-VALUE}.")
  private int answerBytes;

  @Option(
      names = "--bytes-per-change",
      defaultValue = "200",
      description = "Bytes to an Envoy per server that changed. Default: ${DEFAULT-VALUE}.")
  private int changeBytes;

  @Option(names = "--seed", defaultValue = "1", description = "Default: ${DEFAULT-VALUE}.")
  private long seed;

  public static void main(String[] args) {
    System.exit(new CommandLine(new ScaleModel()).execute(args));
  }

  @Override
  public Integer call() {
    System.out.printf(
        Locale.ROOT,
        "%,d servers, %,d Envoys, %.0f changes of a server a day: %.1f changes a second%n%n",
        servers,
        envoys,
        changesPerServer,
        servers * changesPerServer / 86_400);
    System.out.println(
        "| services of | replicas for a service | change until sent, p50 | p99 | changes in an answer | cores of a replica | Consul sends | a replica sends |");
    System.out.println("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (int size : new int[] {100_000, 25_000, 10_000, 2_500}) {
      for (int replicas : new int[] {2, 5}) {
        if (size <= servers) {
          hour(size, replicas);
        }
      }
    }
    System.out.println();
    System.out.println("| Envoys of the fullest replica of 5, of the mean | |");
    System.out.println("| --- | --- |");
    spread();
    return 0;
  }

  /**
   * An hour of one service and one of the replicas that serve it. Every Envoy fronts one service,
   * so that a service of a tenth of the servers has a tenth of the Envoys.
   */
  private void hour(int size, int replicas) {
    Random random = new Random(seed);
    double perSecond = size * changesPerServer / 86_400;
    double streams = (double) envoys * size / servers / replicas;
    double seconds = 3_600;
    List<Double> delays = new ArrayList<>();
    double now = 0;
    double next = exponential(random, perSecond);
    double cpu = 0;
    double toEnvoys = 0;
    long answers = 0;
    while (now < seconds) {
      // The query blocks until something changes; what changes while it is answered, or while its
      // answer is read and sent, is in the next one.
      now = Math.max(now, next);
      List<Double> arrived = new ArrayList<>();
      while (next <= now) {
        arrived.add(next);
        next += exponential(random, perSecond);
      }
      double answered = now + size * consulMicros / 1e6;
      double sent = answered + (size * readMicros + streams * sendMicros) / 1e6;
      cpu += sent - answered;
      answers++;
      toEnvoys += streams * (100 + changeBytes * (double) arrived.size());
      for (double at : arrived) {
        delays.add(sent - at);
      }
      now = sent;
    }
    double[] sorted = delays.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    double services = (double) servers / size;
    System.out.printf(
        Locale.ROOT,
        "| %,d | %d, each with %,.0f streams | %.2f s | %.2f s | %.1f | %.2f | %,.0f Mbit/s in all | %,.1f Mbit/s |%n",
        size,
        replicas,
        streams,
        sorted[sorted.length / 2],
        sorted[(int) (sorted.length * 0.99)],
        (double) delays.size() / answers,
        cpu / now,
        services * replicas * answers * size * answerBytes * 8.0 / now / 1e6,
        toEnvoys * 8 / now / 1e6);
  }

  private static double exponential(Random random, double perSecond) {
    return -Math.log(1 - random.nextDouble()) / perSecond;
  }

  /**
   * How evenly the Envoys are on five replicas: after a start, a rolling restart, and with time.
   */
  private void spread() {
    Random random = new Random(seed);
    int replicas = 5;
    int[] on = new int[envoys];
    for (int i = 0; i < envoys; i++) {
      on[i] = random.nextInt(replicas);
    }
    row("after all have started", on, replicas);
    for (int restarted = 0; restarted < replicas; restarted++) {
      for (int i = 0; i < envoys; i++) {
        if (on[i] == restarted) {
          // Its Envoys go to one of the others; none returns by itself.
          int other = random.nextInt(replicas - 1);
          on[i] = other < restarted ? other : other + 1;
        }
      }
    }
    row("after a rolling restart of the replicas", on, replicas);
    int[] balanced = on.clone();
    for (int part = 1; part <= 3; part++) {
      for (int i = 0; i < envoys; i++) {
        if (random.nextDouble() < 1 / 3.0) {
          balanced[i] = random.nextInt(replicas);
        }
      }
      row("… and after a third of the Envoys have reconnected, time " + part, balanced, replicas);
    }
  }

  private static void row(String what, int[] on, int replicas) {
    long[] counts = new long[replicas];
    Arrays.stream(on).forEach(r -> counts[r]++);
    System.out.printf(
        Locale.ROOT,
        "| %s | %.2f (%s) |%n",
        what,
        Arrays.stream(counts).max().orElse(0) / (double) on.length * replicas,
        Arrays.toString(counts));
  }
}
