package io.bolina.agent.probe;

import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A command of the server's own that prints its load, a number of 0 or more, and ends with status
 * 0.
 *
 * @param command is run by a shell
 * @param timeout after this long it is killed
 */
public record LoadCommand(String command, Duration timeout) implements Probe {
  private static final int LONGEST_OUTPUT = 1_000;

  @Override
  public ProbeResult run() {
    try {
      Process process =
          new ProcessBuilder("sh", "-c", command)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      try {
        if (!process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
          return failed("it did not end within " + timeout.toMillis() + " ms");
        }
        if (process.exitValue() != 0) {
          return failed("it ended with status " + process.exitValue());
        }
        String text = printed(process.getInputStream());
        double load = Double.parseDouble(text);
        return Double.isFinite(load) && load >= 0
            ? ProbeResult.ofLoad(load)
            : failed("it printed " + text + ", not a number of 0 or more");
      } finally {
        process.destroyForcibly();
      }
    } catch (NumberFormatException e) {
      return failed("it printed no number");
    } catch (IOException e) {
      return failed("it cannot be run: " + FailureReason.of(e));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return ProbeResult.HEALTHY;
    }
  }

  /** What is there, not until the end: a child left in the background may hold the output open. */
  private static String printed(InputStream output) throws IOException {
    byte[] text = output.readNBytes(Math.min(LONGEST_OUTPUT, output.available()));
    return new String(text, StandardCharsets.UTF_8).strip();
  }

  private static ProbeResult failed(String why) {
    return ProbeResult.unhealthy("load command failed: " + why);
  }
}
