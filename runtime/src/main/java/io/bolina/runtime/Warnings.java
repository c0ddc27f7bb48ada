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
 * logged, the same one at most once in five minutes, and of one kind no more than a hundred at once
 * and one a second, so that whoever makes it can neither hide nor flood the log.
 */
public final class Warnings {
  private static final Logger log = LoggerFactory.getLogger(Warnings.class);
  private static final Duration QUIET = Duration.ofMinutes(5);
  private static final int REMEMBERED = 2_000;

  /** Of one kind, so many may follow one another at once; then one a second. */
  static final int AT_ONCE = 100;

  /** Of a longer subject, the beginning and a hash are remembered. */
  private static final int SUBJECT = 200;

  private final MeterRegistry meters;
  private final Clock clock;
  private final Map<String, Logged> recent =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Logged> eldest) {
          return size() > REMEMBERED;
        }
      };

  /** The kinds, of which there are few, with what was logged of each. */
  private final Map<String, LineRate> kinds = new HashMap<>();

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
    String key = kind + " " + shortened(subject);
    long suppressed;
    long others;
    synchronized (recent) {
      Instant now = clock.instant();
      Logged last = recent.get(key);
      if (last != null && now.isBefore(last.at.plus(QUIET))) {
        last.suppressed++;
        return NOPLoggingEventBuilder.singleton();
      }
      LineRate of = kinds.computeIfAbsent(kind, k -> new LineRate(AT_ONCE, 1));
      if (!of.mayLog(now)) {
        return NOPLoggingEventBuilder.singleton();
      }
      others = of.takeLeftOut();
      suppressed = last == null ? 0 : last.suppressed;
      recent.remove(key);
      recent.put(key, new Logged(now));
    }
    LoggingEventBuilder event = log.atWarn().addKeyValue("kind", kind);
    if (suppressed > 0) {
      event = event.addKeyValue("suppressed", suppressed);
    }
    return others == 0 ? event : event.addKeyValue("suppressed-others", others);
  }

  private static String shortened(String subject) {
    return subject.length() <= SUBJECT
        ? subject
        : subject.substring(0, SUBJECT) + " " + subject.length() + " " + subject.hashCode();
  }

  private static final class Logged {
    private final Instant at;
    private long suppressed;

    private Logged(Instant at) {
      this.at = at;
    }
  }
}
