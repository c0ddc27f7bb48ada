package io.bolina.benchmarks;

import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.chaos.Chaos;
import io.bolina.sandbox.chaos.ChaosResult;
import io.bolina.sandbox.chaos.ChaosSettings;
import io.bolina.sandbox.chaos.FaultKind;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Faults at random for a while, and what became of the clients. */
@Command(
    name = "chaos",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    usageHelpAutoWidth = true,
    description = {
      "Makes faults of every kind at random, under known clients that send steadily and new ones that arrive all the time, and counts what became of them.",
      "Ends with status 1 if a known client of a living server was moved or not answered, or if a new one came to a server later than 8 s after it was closed."
    })
public final class ChaosRun implements Callable<Integer> {
  /**
   * A new client that comes to a server later than so many seconds after it closed is a failure.
   */
  private static final double LATEST = 8;

  @Option(names = "--minutes", defaultValue = "10", description = "Default: ${DEFAULT-VALUE}.")
  private double minutes;

  @Option(
      names = "--seed",
      description = "Decides which faults come when. Default: another each time; it is printed.")
  private Long seed;

  @Option(
      names = "--clients",
      defaultValue = "200",
      description = "Known clients. Default: ${DEFAULT-VALUE}.")
  private int clients;

  @Option(
      names = "--interval",
      defaultValue = "300",
      description =
          "Milliseconds between two datagrams of a known client. Default: ${DEFAULT-VALUE}.")
  private int interval;

  @Option(
      names = "--new-per-second",
      defaultValue = "7",
      description = "New clients that arrive in a second. Default: ${DEFAULT-VALUE}.")
  private double newPerSecond;

  @Option(names = "--servers", defaultValue = "6", description = "Default: ${DEFAULT-VALUE}.")
  private int servers;

  @Option(
      names = "--replicas",
      defaultValue = "2",
      description = "Control planes. Default: ${DEFAULT-VALUE}.")
  private int replicas;

  @Option(names = "--envoys", defaultValue = "2", description = "Default: ${DEFAULT-VALUE}.")
  private int envoys;

  @Option(
      names = "--between-faults",
      defaultValue = "3",
      description = "Seconds between two faults, on average. Default: ${DEFAULT-VALUE}.")
  private double betweenFaults;

  @Option(
      names = "--faults",
      split = ",",
      description = "Which ones, of: ${COMPLETION-CANDIDATES}. Default: all.")
  private List<FaultKind> faults = List.copyOf(EnumSet.allOf(FaultKind.class));

  @Option(
      names = "--control-plane-options",
      split = " ",
      description = "Further options of the control planes.")
  private List<String> controlPlaneOptions = List.of();

  public static void main(String[] args) {
    System.exit(new CommandLine(new ChaosRun()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    long chosen = seed == null ? System.nanoTime() % 1_000_000 : seed;
    System.out.printf(
        Locale.ROOT,
        "%.1f minutes, seed %d: %d control planes, %d Envoys, %d servers, %d known clients, %.0f new ones a second%n%n",
        minutes,
        chosen,
        replicas,
        envoys,
        servers,
        clients,
        newPerSecond);
    ChaosSettings settings =
        new ChaosSettings(
            Duration.ofMillis((long) (minutes * 60_000)),
            chosen,
            clients,
            Duration.ofMillis(interval),
            newPerSecond,
            servers,
            replicas,
            envoys,
            Duration.ofMillis((long) (betweenFaults * 1_000)),
            1,
            EnumSet.copyOf(faults),
            controlPlaneOptions);
    try (Sandbox sandbox = new Sandbox()) {
      System.err.println("logs: " + sandbox.directory());
      ChaosResult result = new Chaos(sandbox, settings, System.err::println).run();
      System.out.print(result.tables());
      System.out.printf(
          Locale.ROOT,
          "%nload of the machine at the end: %.1f%n",
          ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
      return result.moved().isEmpty()
              && result.unanswered().isEmpty()
              && result.laterThan(LATEST).isEmpty()
          ? 0
          : 1;
    }
  }
}
