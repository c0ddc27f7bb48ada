package io.bolina.registry;

import java.time.Instant;
import java.util.Optional;

/**
 * A server and all that is known of its state.
 *
 * @param server the server
 * @param health its own word on its health: the worst of its checks
 * @param draining whether it was told to take no new client (Consul's maintenance mode)
 * @param presence whether it can be seen
 * @param since since when the presence is what it is; empty for {@link Presence#LISTED}
 * @param load its last load report; empty means "load unknown", which is no reason to close it
 * @param note the worst check's output, for people; never part of a decision
 */
public record Member(
    Server server,
    Health health,
    boolean draining,
    Presence presence,
    Optional<Instant> since,
    Optional<LoadReport> load,
    String note) {

  /** A server that the registry lists now. */
  public static Member listed(
      Server server, Health health, boolean draining, Optional<LoadReport> load, String note) {
    return new Member(server, health, draining, Presence.LISTED, Optional.empty(), load, note);
  }

  Member as(Presence newPresence, Instant from) {
    return new Member(server, health, draining, newPresence, Optional.of(from), load, note);
  }

  /** The same state, the note left out: what a decision may depend on. */
  Member withoutNote() {
    return new Member(server, health, draining, presence, since, load, "");
  }
}
