package io.bolina.registry.model;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * The state of one of the registry queries that a fleet is made of. (The JSON names are those of
 * state files that earlier versions wrote.)
 *
 * @param lastUpdate when the registry last gave an answer that was accepted; empty if it never did
 * @param error why the last attempt failed; empty while the registry answers
 */
public record Source(
    @JsonProperty("heard") Optional<Instant> lastUpdate,
    @JsonProperty("problem") Optional<String> error) {
  /** A source without an answer yet. */
  public static final Source NEVER_UPDATED = new Source(Optional.empty(), Optional.empty());

  public Source updatedAt(Instant now) {
    return new Source(Optional.of(now), Optional.empty());
  }

  /**
   * After an answer.
   *
   * @param reservation why the answer, though the best there is, may be old
   */
  public Source updatedAt(Instant now, Optional<String> reservation) {
    return new Source(Optional.of(now), reservation);
  }

  public Source failing(String why) {
    return new Source(lastUpdate, Optional.of(why));
  }

  /** How long ago the registry last answered. */
  public Optional<Duration> age(Instant now) {
    return lastUpdate.map(at -> Duration.between(at, now));
  }
}
