package io.bolina.benchmarks;

import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.Command;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a process holds at one moment.
 *
 * @param seconds since the beginning
 * @param changes so far
 * @param resident memory, in MB
 * @param heap in use, what is garbage too, in MB
 * @param direct memory that Netty and gRPC hold, by the control plane's own count, in MB
 * @param envoy resident memory of an Envoy that stays, in MB
 * @param envoyWithModule of one whose servers the gate's module chooses
 */
record SoakSample(
    double seconds,
    long changes,
    double resident,
    double heap,
    double direct,
    double envoy,
    double envoyWithModule,
    int threads,
    int descriptors) {
  static final String HEAD =
      "seconds,changes,resident_mb,heap_mb,direct_mb,envoy_mb,envoy_with_module_mb,threads,descriptors\n";

  private static final Pattern USED = Pattern.compile("used ([0-9]+)K");
  private static final Pattern DIRECT =
      Pattern.compile("(?m)^bolina_direct_memory_bytes ([0-9.E+]+)$");

  /** What they hold now. */
  static SoakSample of(
      BolinaProcess controlPlane,
      RealEnvoy envoy,
      RealEnvoy withModule,
      double seconds,
      long changes)
      throws IOException {
    long pid = controlPlane.child().pid();
    return new SoakSample(
        seconds,
        changes,
        new ProcessUse(pid).residentMegabytes(),
        heap(pid),
        direct(controlPlane),
        new ProcessUse(envoy.pid()).residentMegabytes(),
        new ProcessUse(withModule.pid()).residentMegabytes(),
        entries(Path.of("/proc/" + pid + "/task")),
        entries(Path.of("/proc/" + pid + "/fd")));
  }

  private static int entries(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return (int) entries.count();
    }
  }

  private static double heap(long pid) throws IOException {
    String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
    String info = Command.of(jcmd, Long.toString(pid), "GC.heap_info").run();
    // The generations, and what is no heap at the end.
    Matcher used = USED.matcher(info.replaceAll("(?s)Metaspace.*", ""));
    double kilobytes = 0;
    while (used.find()) {
      kilobytes += Long.parseLong(used.group(1));
    }
    return kilobytes / 1024;
  }

  private static double direct(BolinaProcess controlPlane) throws IOException {
    String page = controlPlane.admin().text("/metrics");
    Matcher bytes = DIRECT.matcher(page);
    if (!bytes.find()) {
      throw new IOException("no bolina_direct_memory_bytes on /metrics");
    }
    return Double.parseDouble(bytes.group(1)) / (1 << 20);
  }

  String line() {
    return String.format(
        Locale.ROOT,
        "%.0f,%d,%.1f,%.1f,%.1f,%.1f,%.1f,%d,%d%n",
        seconds,
        changes,
        resident,
        heap,
        direct,
        envoy,
        envoyWithModule,
        threads,
        descriptors);
  }
}
