package io.bolina.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What a process has used, by the kernel's count. */
final class ProcessUse {
  /** A tick of the kernel's accounting. */
  private static final double TICK_MS = 10;

  private final long pid;

  ProcessUse(long pid) {
    this.pid = pid;
  }

  /** CPU time so far, in milliseconds. */
  double cpuMillis() throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1));
    return (Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12))) * TICK_MS;
  }

  /** Resident memory now, in megabytes. */
  double residentMegabytes() throws IOException {
    return status("VmRSS");
  }

  /** The most resident memory so far, in megabytes. */
  double peakMegabytes() throws IOException {
    return status("VmHWM");
  }

  private double status(String field) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
      if (line.startsWith(field + ":")) {
        return Long.parseLong(line.replaceAll("\\D", "")) / 1024.0;
      }
    }
    throw new IOException("no " + field + " of process " + pid);
  }
}
