package io.bolina.sandbox.process;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * A command that is run to its end, with a time limit and a limit on its output. For a process that
 * goes on running see {@link Child}.
 *
 * <pre>{@code
 * String version = Command.of("helm", "version").run();
 * int status = Command.of("systemctl", "is-active", unit).end().status();
 * }</pre>
 */
public final class Command {
  /** Longer than any command of a test takes on a busy machine; only one that hangs meets it. */
  private static final Duration LIMIT = Duration.ofMinutes(5);

  /** What a command may write to each of its outputs, in bytes. */
  static final int MOST_OUTPUT = 16 << 20;

  /** A failure shows so many characters of the output's end. */
  private static final int SHOWN = 4_000;

  private final List<String> words;
  private final Map<String, String> environment = new HashMap<>();
  private Optional<Path> directory = Optional.empty();
  private Duration limit = LIMIT;
  private byte[] input = {};
  private Errors errors = Errors.MERGED;

  private enum Errors {
    MERGED,
    APART,
    SHOWN
  }

  /**
   * How a command ended.
   *
   * @param out its output, with what it wrote to standard error unless that was kept apart or shown
   * @param err standard error if it was kept apart, else empty
   */
  public record Ended(int status, String out, String err) {}

  private Command(List<String> words) {
    this.words = words;
  }

  public static Command of(String... words) {
    return new Command(List.of(words));
  }

  public static Command of(List<String> words) {
    return new Command(List.copyOf(words));
  }

  /** Runs it in a directory other than this process's. */
  public Command in(Path workingDirectory) {
    directory = Optional.of(workingDirectory);
    return this;
  }

  /** Sets an environment variable, beside those of this process. */
  public Command with(String name, String value) {
    environment.put(name, value);
    return this;
  }

  /** What it reads from standard input, which is empty otherwise. */
  public Command input(String text) {
    input = text.getBytes(StandardCharsets.UTF_8);
    return this;
  }

  /** The longest it may take; 5 minutes unless it is said. */
  public Command within(Duration longest) {
    limit = longest;
    return this;
  }

  /** Keeps standard error apart from the output. */
  public Command errorsApart() {
    errors = Errors.APART;
    return this;
  }

  /** Standard error goes to this process's: for a command that reports its progress there. */
  public Command errorsShown() {
    errors = Errors.SHOWN;
    return this;
  }

  /**
   * Runs it and returns its output.
   *
   * @throws IOException if it does not end with status 0; shows the command, the status and the end
   *     of the output
   */
  public String run() throws IOException {
    return expect(0).out();
  }

  /**
   * Runs it.
   *
   * @throws IOException if it does not end with this status
   */
  public Ended expect(int status) throws IOException {
    Ended ended = end();
    if (ended.status() != status) {
      throw failure(
          "ended with status "
              + ended.status()
              + (status == 0 ? "" : " instead of " + status)
              + said(ended.out() + ended.err()));
    }
    return ended;
  }

  /**
   * Runs it, whatever its status.
   *
   * @throws IOException if it cannot be started, does not end in time or writes more than 16 MiB
   */
  public Ended end() throws IOException {
    ProcessBuilder builder = new ProcessBuilder(words).redirectErrorStream(errors == Errors.MERGED);
    if (errors == Errors.SHOWN) {
      builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    }
    directory.ifPresent(d -> builder.directory(d.toFile()));
    builder.environment().putAll(environment);
    Process process = Child.startTracked(builder);
    Output out = new Output(process.getInputStream());
    Output err = new Output(process.getErrorStream());
    try {
      give(process.getOutputStream());
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw failure("did not end within " + limit + said(out.text() + err.text()));
      }
      out.join();
      err.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    if (out.overflowed() || err.overflowed()) {
      throw failure("wrote more than " + MOST_OUTPUT + " bytes" + said(out.text() + err.text()));
    }
    return new Ended(process.exitValue(), out.text(), err.text());
  }

  /** A command need not read what it is given. */
  private void give(OutputStream to) {
    try (to) {
      to.write(input);
    } catch (IOException e) {
      // It has ended, or closed its standard input; its status tells.
    }
  }

  private IOException failure(String how) {
    return new IOException("'" + String.join(" ", words) + "' " + how);
  }

  private static String said(String output) {
    String text = output.strip();
    String end = text.substring(Math.max(0, text.length() - SHOWN));
    return end.isEmpty() ? " and wrote nothing" : ". It last wrote:\n" + end;
  }

  /** Takes an output as it comes, so that no command waits for a full pipe. */
  private static final class Output {
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final Thread reader;
    private boolean overflowed;

    private Output(InputStream from) {
      reader = new Thread(() -> read(from), "command-output");
      reader.setDaemon(true);
      reader.start();
    }

    private void read(InputStream from) {
      byte[] buffer = new byte[8_192];
      try {
        for (int count = from.read(buffer); count >= 0; count = from.read(buffer)) {
          keep(buffer, count);
        }
      } catch (IOException e) {
        // It was killed.
      }
    }

    private synchronized void keep(byte[] bytes, int count) {
      int room = MOST_OUTPUT - kept.size();
      kept.write(bytes, 0, Math.min(count, room));
      overflowed |= count > room;
    }

    private synchronized boolean overflowed() {
      return overflowed;
    }

    private synchronized String text() {
      return kept.toString(StandardCharsets.UTF_8);
    }

    /**
     * The command has ended; one that it left behind in the background may hold its output open.
     */
    private void join() throws InterruptedException {
      reader.join(10_000);
    }
  }
}
