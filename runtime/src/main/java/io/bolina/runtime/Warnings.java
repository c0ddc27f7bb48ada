package io.bolina.runtime;

import io.micrometer.core.instrument.MeterRegistry;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
  private final Map<String, Spoken> spoken =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Spoken> eldest) {
          return size() > REMEMBERED;
        }
      };

  public Warnings(MeterRegistry meters, Clock clock) {
    this.meters = meters;
    this.clock = clock;
  }

  /**
   * Counts a piece of bad input and logs it unless the same was logged a short while ago.
   *
   * @param kind what is wrong, a metric label: few values
   * @param subject who it is about; with the kind it says which warnings are the same
   * @param message an SLF4J message
   */
  public void warn(String kind, String subject, String message, Object... arguments) {
    meters.counter("bolina.bad.input", "kind", kind).increment();
    long unsaid;
    synchronized (spoken) {
      Instant now = clock.instant();
      Spoken last = spoken.get(kind + " " + subject);
      if (last != null && now.isBefore(last.at.plus(QUIET))) {
        last.unsaid++;
        return;
      }
      unsaid = last == null ? 0 : last.unsaid;
      spoken.remove(kind + " " + subject);
      spoken.put(kind + " " + subject, new Spoken(now));
    }
    log.warn(
        unsaid == 0
            ? message
            : message + " (and " + unsaid + " times more since this was last said)",
        arguments);
  }

  private static final class Spoken {
    private final Instant at;
    private long unsaid;

    private Spoken(Instant at) {
      this.at = at;
    }
  }
}
