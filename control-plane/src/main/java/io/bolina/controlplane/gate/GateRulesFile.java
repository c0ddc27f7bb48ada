package io.bolina.controlplane.gate;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
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
  private ScheduledFuture<?> looking;
  private String seen;
  private volatile boolean good = true;

  private GateRulesFile(
      Path file, Collection<String> services, Consumer<Map<String, GateRules>> listener) {
    this.file = file;
    this.services = List.copyOf(services);
    this.listener = listener;
  }

  /**
   * Reads the rules, tells the listener, and goes on telling it of every change.
   *
   * @throws IOException if they cannot be read, or are wrong
   */
  public static GateRulesFile open(
      Path file,
      Collection<String> services,
      MeterRegistry meters,
      Consumer<Map<String, GateRules>> listener)
      throws IOException {
    GateRulesFile rules = new GateRulesFile(file, services, listener);
    rules.seen = Files.readString(file);
    GateRulesReader.Content content = GateRulesReader.read(rules.seen, services);
    if (!content.errors().isEmpty()) {
      throw new IOException(file + ": " + String.join("; ", content.errors()));
    }
    listener.accept(content.rules());
    Gauge.builder("bolina.gate.rules.good", rules, r -> r.good ? 1 : 0)
        .description("0 while the file with the gate's rules is wrong and the last good ones hold")
        .register(meters);
    rules.looking =
        rules.thread.scheduleWithFixedDelay(
            rules::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
    return rules;
  }

  @Override
  public void close() {
    looking.cancel(false);
    thread.shutdownNow();
  }

  private void look() {
    try {
      String now = Files.readString(file);
      if (now.equals(seen)) {
        return;
      }
      seen = now;
      GateRulesReader.Content content = GateRulesReader.read(now, services);
      if (content.errors().isEmpty()) {
        good = true;
        log.info("new rules for the gate from {}", file);
        listener.accept(content.rules());
      } else {
        bad(String.join("; ", content.errors()));
      }
    } catch (IOException e) {
      if (good) {
        bad("it cannot be read: " + e);
      }
      seen = null; // or what comes back unchanged would go unnoticed
    } catch (RuntimeException e) {
      log.error("the gate's rules from {} could not be put in force", file, e);
    }
  }

  private void bad(String why) {
    good = false;
    log.warn("the gate's rules in {} are wrong, the last good ones stay in force: {}", file, why);
  }
}
