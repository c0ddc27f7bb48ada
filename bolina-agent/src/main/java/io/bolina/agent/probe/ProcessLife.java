package io.bolina.agent.probe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/**
 * Whether the process whose id is in a file runs. A file that cannot be read says nothing of the
 * server: a service manager takes it away together with the process, so the process last named is
 * looked at.
 */
final class ProcessLife implements LifeWatch {
  private final Path pidFile;
  private OptionalLong lastPid = OptionalLong.empty();

  /** When the last process that was seen running was started. */
  private String lastStart = "";

  ProcessLife(Path pidFile) {
    this.pidFile = pidFile;
  }

  @Override
  public boolean asksServer() {
    return false;
  }

  @Override
  public LifeSign look() {
    OptionalLong named = named();
    if (named.isPresent() && !named.equals(lastPid)) {
      lastPid = named;
      lastStart = "";
    }
    if (lastPid.isEmpty()) {
      return LifeSign.UNKNOWN;
    }
    long pid = lastPid.getAsLong();
    ProcessTable.ProcessStatus status = ProcessTable.of(pid);
    if (!status.visible()) {
      return LifeSign.UNKNOWN;
    }
    if (status.isRunning()) {
      String start = status.startTicks().orElseThrow();
      if (named.isPresent() || lastStart.equals(start)) {
        lastStart = start;
        return new LifeSign(
            LifeSign.Sight.RUNNING, pid + "/" + start, "process " + pid + " is running");
      }
      // Nobody names it any more, and the id is another process's by now.
    }
    return new LifeSign(
        LifeSign.Sight.ENDED,
        pid + "/" + lastStart,
        "process " + pid + " of pid file " + pidFile + " has ended");
  }

  private OptionalLong named() {
    try {
      long pid = Long.parseLong(Files.readString(pidFile).strip());
      return pid > 0 ? OptionalLong.of(pid) : OptionalLong.empty();
    } catch (IOException | NumberFormatException e) {
      return OptionalLong.empty();
    }
  }
}
