package io.bolina.benchmarks;

import io.bolina.controlplane.resources.EnvoyBootstrap.Protocol;
import io.bolina.controlplane.resources.GateModule;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.consul.RealConsul;
import io.bolina.sandbox.envoy.Chooser;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.RealPart;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * What a change costs a real Envoy, by LEDS and by EDS, choosing servers itself and by the gate's
 * module.
 */
@Command(
    name = "envoy",
    mixinStandardHelpOptions = true,
    usageHelpAutoWidth = true,
    description =
        "CPU that a real Envoy takes for a change of one server's health, and for a restart of its control plane.")
public final class EnvoyCost implements Callable<Integer> {
  @Option(
      names = "--servers",
      split = ",",
      defaultValue = "1000,10000",
      description = "Sizes of the fleet. Default: ${DEFAULT-VALUE}.")
  private List<Integer> servers;

  @Option(
      names = "--changes",
      defaultValue = "20",
      description = "Changes that are measured. Default: ${DEFAULT-VALUE}.")
  private int changes;

  public static void main(String[] args) {
    System.exit(new CommandLine(new EnvoyCost()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path directory = Files.createTempDirectory("bolina-bench");
    System.out.println(
        "| servers | | Envoy's memory | its CPU per change | per restart of the control plane |");
    System.out.println("| --- | --- | --- | --- | --- |");
    try (RealConsul consul =
        RealConsul.start(
            RealPart.CONSUL.installed(), directory.resolve("consul"), Optional.empty())) {
      BenchFleet fleet = new BenchFleet(consul.api());
      for (int size : servers.stream().sorted().toList()) {
        fleet.grow(size);
        for (Subject subject : List.of(Subject.BOLINA_LEDS, Subject.BOLINA_EDS)) {
          for (Chooser chooser : Chooser.values()) {
            measure(consul, fleet, subject, chooser, directory);
          }
        }
      }
    }
    return 0;
  }

  private void measure(
      RealConsul consul, BenchFleet fleet, Subject subject, Chooser chooser, Path directory)
      throws IOException, InterruptedException {
    boolean module = chooser == Chooser.MODULE;
    HostPort xds = new HostPort("127.0.0.1", FreePort.tcp());
    Child controlPlane = subject.start(consul.url(), xds, directory);
    try (RealEnvoy envoy =
        RealEnvoy.start(
            RealPart.ENVOY.installed(),
            directory,
            "edge-" + subject + chooser + fleet.size(),
            List.of(xds),
            Protocol.INCREMENTAL,
            module ? Optional.of(GateModule.neededFolder()) : Optional.empty(),
            module)) {
      Waiting.until(
          "Envoy to have all servers",
          Duration.ofMinutes(2),
          () -> envoy.servers("bolina").size() == fleet.size(),
          envoy::lastWords);
      ProcessUse use = new ProcessUse(envoy.pid());
      double idle = used(use, () -> {});
      double resident = use.residentMegabytes();
      double changing =
          used(
              use,
              () -> {
                for (int i = 0; i < changes; i++) {
                  fleet.health(
                      (i / 2 * 37 + 11) % fleet.size(), i % 2 == 0 ? "critical" : "passing");
                  Thread.sleep(600);
                }
              });
      double restarting =
          used(
              use,
              () -> {
                controlPlane.kill();
                try (Child again = subject.start(consul.url(), xds, directory)) {
                  Thread.sleep(20_000);
                  if (!again.isAlive()) {
                    throw new IllegalStateException("it ended. " + again.lastWords());
                  }
                }
              });
      System.out.printf(
          Locale.ROOT,
          "| %,d | %s, %s | %.0f MB | %.1f ms | %.0f ms |%n",
          fleet.size(),
          subject.title(),
          module ? "module" : "MAGLEV",
          resident,
          (changing - idle * changes * 0.6) / changes,
          restarting - idle * 20);
    } finally {
      controlPlane.close();
    }
  }

  private interface Action {
    void run() throws IOException, InterruptedException;
  }

  /** CPU of an action; of none, that of a second. */
  private static double used(ProcessUse use, Action action)
      throws IOException, InterruptedException {
    double before = use.cpuMillis();
    long from = System.nanoTime();
    action.run();
    if (System.nanoTime() - from < 1_000_000_000L) {
      Thread.sleep(5_000);
      return (use.cpuMillis() - before) / 5;
    }
    return use.cpuMillis() - before;
  }
}
