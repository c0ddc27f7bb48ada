package io.bolina.agent.probe;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A command of the server's own that prints its load, a number of 0 or more, and ends with status
 * 0.
 *
 * @param command is run by a shell
 * @param patience after this long it is killed
 */
public record LoadCommand(String command, Duration patience) implements Probe {
  @Override
  public Finding look() {
    try {
      Process process =
          new ProcessBuilder("sh", "-c", command)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try {
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
          return Finding.ill("its load command did not end within " + patience.toMillis() + " ms");
        }
        String text =
            new String(process.getInputStream().readNBytes(1_000), StandardCharsets.UTF_8).strip();
        if (process.exitValue() != 0) {
          return Finding.ill("its load command ended with status " + process.exitValue());
        }
        double load = Double.parseDouble(text);
        return Double.isFinite(load) && load >= 0
            ? Finding.loaded(load)
            : Finding.ill("its load command printed " + text + ", not a number of 0 or more");
      } finally {
        process.destroyForcibly();
      }
    } catch (NumberFormatException e) {
      return Finding.ill("its load command printed no number");
    } catch (IOException e) {
      return Finding.ill("its load command cannot be run: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return Finding.WELL;
    }
  }
}
