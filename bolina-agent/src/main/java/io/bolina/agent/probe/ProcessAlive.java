package io.bolina.agent.probe;

import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Whether the process whose id is in a file is running.
 *
 * @param pidFile as the server or its service manager writes it; read each time, since a restarted
 *     server has another id
 */
public record ProcessAlive(Path pidFile) implements Probe {
  @Override
  public ProbeResult run() {
    try {
      String text = Files.readString(pidFile).strip();
      return ProcessTable.of(Long.parseLong(text)).isRunning()
          ? ProbeResult.HEALTHY
          : ProbeResult.unhealthy(
              "process " + text + " of pid file " + pidFile + " is not running");
    } catch (IOException e) {
      return ProbeResult.unhealthy("cannot read pid file " + pidFile + ": " + FailureReason.of(e));
    } catch (NumberFormatException e) {
      return ProbeResult.unhealthy("pid file " + pidFile + " does not hold a number");
    }
  }

  @Override
  public Optional<LifeWatch> lifeWatch() {
    return Optional.of(new ProcessLife(pidFile));
  }
}
