package io.bolina.agent.probe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * The CPU time used since the last round, as a share of what may be used. Reads a cgroup (v2:
 * {@code cpu.stat} and {@code cpu.max}), which in a container is the container's own; a cgroup
 * without a limit may use all of the machine's processors.
 */
public final class CpuLoad implements Probe {
  private final Path cgroup;
  private final int processors;
  private final LongSupplier nanoTime;
  private long lastUsedMicros = -1;
  private long lastNanos;

  /**
   * @param cgroup the server's cgroup folder, in a container {@code /sys/fs/cgroup}
   */
  public CpuLoad(Path cgroup) {
    this(cgroup, Runtime.getRuntime().availableProcessors(), System::nanoTime);
  }

  CpuLoad(Path cgroup, int processors, LongSupplier nanoTime) {
    this.cgroup = cgroup;
    this.processors = processors;
    this.nanoTime = nanoTime;
  }

  @Override
  public ProbeResult run() {
    try {
      long used = usedMicros();
      long now = nanoTime.getAsLong();
      long usedSince = used - lastUsedMicros;
      double elapsedMicros = (now - lastNanos) / 1_000.0;
      boolean first = lastUsedMicros < 0 || usedSince < 0;
      lastUsedMicros = used;
      lastNanos = now;
      return first || elapsedMicros <= 0
          ? ProbeResult.HEALTHY
          : ProbeResult.ofLoad(usedSince / elapsedMicros / limit());
    } catch (IOException | RuntimeException e) {
      // Says that the load is unknown, nothing about the server's health.
      return ProbeResult.HEALTHY;
    }
  }

  @Override
  public Optional<LifeWatch> lifeWatch() {
    return Optional.of(new CgroupLife(cgroup));
  }

  private long usedMicros() throws IOException {
    return Files.readAllLines(cgroup.resolve("cpu.stat")).stream()
        .filter(line -> line.startsWith("usage_usec "))
        .mapToLong(line -> Long.parseLong(line.substring("usage_usec ".length()).strip()))
        .findFirst()
        .orElseThrow(() -> new IOException("no usage_usec in " + cgroup));
  }

  /** Processors that may be used. */
  private double limit() throws IOException {
    Path max = cgroup.resolve("cpu.max");
    if (Files.exists(max)) {
      String[] words = Files.readString(max).strip().split(" ", -1);
      if (!words[0].equals("max")) {
        return Double.parseDouble(words[0]) / Double.parseDouble(words[1]);
      }
    }
    return processors;
  }
}
