package io.bolina.registry.model;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Where a part of a fleet comes from.
 *
 * @param heard when the source last gave an answer that was accepted; empty if it never did
 * @param problem why the last attempt failed, in words; empty while all is well
 */
public record Source(Optional<Instant> heard, Optional<String> problem) {
  /** A source that has not answered yet. */
  public static final Source NEVER_HEARD = new Source(Optional.empty(), Optional.empty());

  public Source heardAt(Instant now) {
    return new Source(Optional.of(now), Optional.empty());
  }

  public Source failing(String why) {
    return new Source(heard, Optional.of(why));
  }

  /** How long ago the source last answered. */
  public Optional<Duration> age(Instant now) {
    return heard.map(at -> Duration.between(at, now));
  }
}
