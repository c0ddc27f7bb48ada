package io.bolina.benchmarks;

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
 */
record SoakSample(
    double seconds, long changes, double resident, double heap, int threads, int descriptors) {
  static final String HEAD = "seconds,changes,resident_mb,heap_mb,threads,descriptors\n";

  private static final Pattern USED = Pattern.compile("used ([0-9]+)K");

  static SoakSample of(long pid, double seconds, long changes) throws IOException {
    return new SoakSample(
        seconds,
        changes,
        new ProcessUse(pid).residentMegabytes(),
        heap(pid),
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

  String line() {
    return String.format(
        Locale.ROOT,
        "%.0f,%d,%.1f,%.1f,%d,%d%n",
        seconds,
        changes,
        resident,
        heap,
        threads,
        descriptors);
  }
}
