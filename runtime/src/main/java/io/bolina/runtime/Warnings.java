package io.bolina.runtime;

import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;
import org.slf4j.spi.NOPLoggingEventBuilder;

/**
 * Warnings about bad input: each is named, counted ({@code bolina_bad_input_total}, by kind) and
 * logged, the same one at most once in five minutes, so that a broken entry can neither hide nor
 * flood the log.
 */
public final class Warnings {
  private static final Logger log = LoggerFactory.getLogger(Warnings.class);
  private static final Duration QUIET = Duration.ofMinutes(5);
  private static final int REMEMBERED = 10_000;

  private final MeterRegistry meters;
  private final Clock clock;
  private final Map<String, Logged> recent =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Logged> eldest) {
          return size() > REMEMBERED;
        }
      };

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
      suppressed = last == null ? 0 : last.suppressed;
      recent.remove(kind + " " + subject);
      recent.put(kind + " " + subject, new Logged(now));
    }
    LoggingEventBuilder event = log.atWarn().addKeyValue("kind", kind);
    return suppressed == 0 ? event : event.addKeyValue("suppressed", suppressed);
  }

  private static final class Logged {
    private final Instant at;
    private long suppressed;

    private Logged(Instant at) {
      this.at = at;
    }
  }
}
