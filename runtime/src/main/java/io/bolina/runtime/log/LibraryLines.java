package io.bolina.runtime.log;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.filter.Filter;
import ch.qos.logback.core.spi.FilterReply;
import io.bolina.runtime.LineRate;
import io.bolina.runtime.SteadyClock;
import java.time.Clock;
import org.slf4j.event.KeyValuePair;

/**
 * Rations what libraries log: some warn of each connection or request that is not as it should be,
 * with a stack trace, so that a stranger could fill the log. Our own lines have rates where they
 * are made.
 */
final class LibraryLines extends Filter<ILoggingEvent> {
  static final int AT_ONCE = 20;
  private static final int PER_SECOND = 1;
  private static final String OURS = "io.bolina.";

  private final LineRate rate = new LineRate(AT_ONCE, PER_SECOND);
  private final Clock clock = new SteadyClock();

  @Override
  public FilterReply decide(ILoggingEvent event) {
    if (event.getLoggerName().startsWith(OURS)) {
      return FilterReply.NEUTRAL;
    }
    if (!rate.mayLog(clock.instant())) {
      return FilterReply.DENY;
    }
    long leftOut = rate.takeLeftOut();
    if (leftOut > 0 && event instanceof LoggingEvent line) {
      line.addKeyValuePair(new KeyValuePair("suppressed-others", leftOut));
    }
    return FilterReply.NEUTRAL;
  }
}
