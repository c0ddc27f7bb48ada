package io.bolina.runtime;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/**
 * A clock that goes on from the time at its start whatever happens to the machine's: when somebody
 * sets the date, no server has fallen silent and no drain time is over.
 */
public final class SteadyClock extends Clock {
  private final Instant start = Clock.systemUTC().instant();
  private final long startNanos = System.nanoTime();

  @Override
  public Instant instant() {
    return start.plusNanos(System.nanoTime() - startNanos);
  }

  @Override
  public ZoneId getZone() {
    return ZoneOffset.UTC;
  }

  @Override
  public Clock withZone(ZoneId zone) {
    throw new UnsupportedOperationException("only instants are asked of it");
  }
}
