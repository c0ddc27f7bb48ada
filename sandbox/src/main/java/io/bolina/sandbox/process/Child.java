package io.bolina.sandbox.process;

import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** A child process with its output in a log. None outlives this JVM. */
public final class Child implements AutoCloseable {
  /** How long {@link #close} waits before it kills. */
  private static final Duration HASTE = Duration.ofSeconds(5);

  private static final Set<Process> RUNNING = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(() -> RUNNING.forEach(Process::destroyForcibly), "kill-children"));
  }

  private final String name;
  private final Path logFile;
  private final Process process;

  private Child(String name, Path logFile, Process process) {
    this.name = name;
    this.logFile = logFile;
    this.process = process;
  }

  /**
   * Starts a child.
   *
   * @param logFile where its output is appended
   */
  public static Child start(
      String name, List<String> command, Map<String, String> environment, Path logFile)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile.toFile()));
    builder.environment().putAll(environment);
    return new Child(name, logFile, startTracked(builder));
  }

  /** Starts a process that does not outlive this JVM. */
  static Process startTracked(ProcessBuilder builder) throws IOException {
    Process process = builder.start();
    RUNNING.removeIf(ended -> !ended.isAlive());
    RUNNING.add(process);
    return process;
  }

  public long pid() {
    return process.pid();
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** All that it has written so far. */
  public String log() {
    try {
      return Files.readString(logFile, StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      return "(" + logFile + " cannot be read: " + FailureReason.of(e) + ")";
    }
  }

  /** The end of its log, for an error message. */
  public String lastWords() {
    List<String> lines = log().lines().toList();
    return name
        + " last wrote (all of it is in "
        + logFile
        + "):\n  "
        + String.join("\n  ", lines.subList(Math.max(0, lines.size() - 15), lines.size()));
  }

  /**
   * Sends it a signal.
   *
   * @param name such as {@code TERM}
   */
  public void signal(String name) throws IOException {
    Command.of("kill", "-" + name, Long.toString(pid())).run();
  }

  /**
   * Waits until it ends by itself.
   *
   * @return its exit status
   * @throws IllegalStateException if it does not end in time
   */
  public int awaitEnd(Duration longest) {
    if (!awaitExit(longest)) {
      throw new IllegalStateException(
          name + " did not end by itself within " + longest + "; " + lastWords());
    }
    return process.exitValue();
  }

  /** Ends it as kill -9 does, and waits for the end. */
  public void kill() {
    process.destroyForcibly();
    awaitExit(Waiting.LONG);
  }

  /** Asks it to end (SIGTERM), waits, and returns its exit status. */
  public int terminate() {
    process.destroy();
    return awaitEnd(Waiting.LONG);
  }

  @Override
  public void close() {
    process.destroy();
    if (!awaitExit(HASTE)) {
      kill();
    }
  }

  private boolean awaitExit(Duration longest) {
    try {
      return process.waitFor(longest.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
