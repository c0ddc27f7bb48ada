package io.bolina.runtime;

import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;
import org.slf4j.spi.NOPLoggingEventBuilder;

/**
 * Warnings about bad input: each is named, counted ({@code bolina_bad_input_total}, by kind) and
 * logged, the same one at most once in five minutes, and of a kind at most so many in a minute, so
 * that neither one broken entry nor many can hide the others or flood the log.
 */
public final class Warnings {
  private static final Logger log = LoggerFactory.getLogger(Warnings.class);
  private static final Duration QUIET = Duration.ofMinutes(5);
  private static final int REMEMBERED = 10_000;

  /** Of one kind. */
  static final int LINES_A_MINUTE = 60;

  private final MeterRegistry meters;
  private final Clock clock;
  private final Map<String, Logged> recent =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Logged> eldest) {
          return size() > REMEMBERED;
        }
      };

  /** By kind, of which there are few. */
  private final Map<String, Minute> minutes = new HashMap<>();

  public Warnings(MeterRegistry meters, Clock clock) {
    this.meters = meters;
    this.clock = clock;
  }

  /**
   * Counts a piece of bad input and returns where to log it: {@code warnings.warn("nack",
   * node).addKeyValue("envoy", node).log("resource rejected")}. Nowhere, if the same was logged a
   * short while ago.
   *
   * @param kind what is wrong, a metric label: few values
   * @param subject who it is about; with the kind it says which warnings are the same
   */
  public LoggingEventBuilder warn(String kind, String subject) {
    meters.counter("bolina.bad.input", "kind", kind).increment();
    long suppressed;
    synchronized (recent) {
      Instant now = clock.instant();
      Logged last = recent.get(kind + " " + subject);
      if (last != null && now.isBefore(last.at.plus(QUIET))) {
        last.suppressed++;
        return NOPLoggingEventBuilder.singleton();
      }
      Minute minute = minutes.computeIfAbsent(kind, k -> new Minute(now));
      if (!minute.hasRoom(now)) {
        return NOPLoggingEventBuilder.singleton();
      }
      suppressed = (last == null ? 0 : last.suppressed) + minute.takeSuppressed();
      recent.remove(kind + " " + subject);
      recent.put(kind + " " + subject, new Logged(now));
    }
    LoggingEventBuilder event = log.atWarn().addKeyValue("kind", kind);
    return suppressed == 0 ? event : event.addKeyValue("suppressed", suppressed);
  }

  /** The lines of one kind in a minute. */
  private static final class Minute {
    private Instant begun;
    private int lines;
    private long suppressed;

    private Minute(Instant begun) {
      this.begun = begun;
    }

    private boolean hasRoom(Instant now) {
      if (!now.isBefore(begun.plus(Duration.ofMinutes(1)))) {
        begun = now;
        lines = 0;
      }
      if (lines >= LINES_A_MINUTE) {
        suppressed++;
        return false;
      }
      lines++;
      return true;
    }

    private long takeSuppressed() {
      long taken = suppressed;
      suppressed = 0;
      return taken;
    }
  }

  private static final class Logged {
    private final Instant at;
    private long suppressed;

    private Logged(Instant at) {
      this.at = at;
    }
  }
}
