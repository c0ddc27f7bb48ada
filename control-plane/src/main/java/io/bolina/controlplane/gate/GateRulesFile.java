package io.bolina.controlplane.gate;

import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Telemetry;
import io.micrometer.core.instrument.Gauge;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file with the rules. It is looked at every second, by its content, since what replaces files
 * (an editor, a configuration manager, a ConfigMap) does it in many ways. A file that is wrong, or
 * gone, changes nothing: the last good rules stay in force, and the log says what is wrong.
 */
public final class GateRulesFile implements AutoCloseable {
  private static final Duration LOOK = Duration.ofSeconds(1);
  private static final Logger log = LoggerFactory.getLogger(GateRulesFile.class);

  private final Path file;
  private final Collection<String> services;
  private final Consumer<Map<String, GateRules>> listener;
  private final ScheduledExecutorService thread =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread t = new Thread(task, "gate-rules");
            t.setDaemon(true);
            return t;
          });
  private Future<?> looking = CompletableFuture.completedFuture(null);
  private String seen;
  private volatile boolean good = true;

  /**
   * @param listener gets the rules of all services, at the start and at every change
   */
  public GateRulesFile(
      Path file,
      Collection<String> services,
      Telemetry telemetry,
      Consumer<Map<String, GateRules>> listener) {
    this.file = file;
    this.services = List.copyOf(services);
    this.listener = listener;
    Gauge.builder("bolina.gate.rules.valid", this, r -> r.good ? 1 : 0)
        .description("0 while the file with the gate's rules is invalid or unreadable")
        .register(telemetry.meters());
  }

  /**
   * Reads the rules, and goes on to look for changes.
   *
   * @throws IOException if they cannot be read, or are invalid
   */
  public void open() throws IOException {
    seen = read();
    GateRulesReader.ParsedGateRules parsed = GateRulesReader.read(seen, services);
    if (!parsed.errors().isEmpty()) {
      throw new IOException(file + ": " + String.join("; ", parsed.errors()));
    }
    listener.accept(parsed.rules());
    looking =
        thread.scheduleWithFixedDelay(
            this::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
  }

  private String read() throws IOException {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new IOException("gate-rules: cannot read " + file + ": " + FailureReason.of(e), e);
    }
  }

  @Override
  public void close() {
    looking.cancel(false);
    thread.shutdownNow();
  }

  private void look() {
    try {
      String now = read();
      if (now.equals(seen)) {
        return;
      }
      seen = now;
      GateRulesReader.ParsedGateRules parsed = GateRulesReader.read(now, services);
      if (parsed.errors().isEmpty()) {
        good = true;
        log.atInfo().addKeyValue("file", file).log("gate rules loaded");
        listener.accept(parsed.rules());
      } else {
        invalid(String.join("; ", parsed.errors()));
      }
    } catch (IOException e) {
      if (good) {
        invalid(FailureReason.of(e));
      }
      seen = null; // or what comes back unchanged would go unnoticed
    } catch (RuntimeException e) {
      log.atError()
          .addKeyValue("file", file)
          .setCause(e)
          .log("gate rules could not be applied; last valid rules stay in force");
    }
  }

  private void invalid(String why) {
    good = false;
    log.atWarn()
        .addKeyValue("file", file)
        .addKeyValue("reason", why)
        .log("gate rules invalid; last valid rules stay in force");
  }
}
