package io.bolina.agent.probe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Whether the process whose id is in a file is there.
 *
 * @param pidFile as the server or its service manager writes it; read each time, since a restarted
 *     server has another id
 */
public record ProcessAlive(Path pidFile) implements Probe {
  @Override
  public Finding look() {
    try {
      String text = Files.readString(pidFile).strip();
      boolean alive =
          ProcessHandle.of(Long.parseLong(text)).filter(ProcessHandle::isAlive).isPresent();
      return alive ? Finding.WELL : Finding.ill("its process " + text + " is not there");
    } catch (IOException e) {
      return Finding.ill("its pid file " + pidFile + " cannot be read");
    } catch (NumberFormatException e) {
      return Finding.ill("its pid file " + pidFile + " does not hold a number");
    }
  }
}
