package io.bolina.registry.model;

import java.time.Instant;
import java.util.Optional;

/**
 * A server and all that is known of its state.
 *
 * @param server the server
 * @param health the worst of its own checks
 * @param maintenance whether the registry's maintenance mode is set on it, which drains it
 * @param order the order to drain that is in force for it, if there is one
 * @param presence whether it can be seen
 * @param since since when the presence is what it is; empty for {@link Presence#LISTED}
 * @param load its last load report; empty means "load unknown", which is no reason to close it
 * @param note the worst check's output, for people; never part of a decision
 */
public record Member(
    Server server,
    Health health,
    boolean maintenance,
    Optional<DrainOrder> order,
    Presence presence,
    Optional<Instant> since,
    Optional<LoadReport> load,
    String note) {

  /** A server that the registry lists now. */
  public static Member listed(
      Server server, Health health, boolean maintenance, Optional<LoadReport> load, String note) {
    return new Member(
        server,
        health,
        maintenance,
        Optional.empty(),
        Presence.LISTED,
        Optional.empty(),
        load,
        note);
  }

  /**
   * The same server as a registry lists it now: this very object if nothing is new, so that later
   * steps can skip it.
   */
  public Member listedAs(
      ServiceListing.Instance now, Optional<LoadReport> newLoad, Optional<DrainOrder> newOrder) {
    boolean same =
        presence == Presence.LISTED
            && server.equals(now.server())
            && health == now.health()
            && maintenance == now.maintenance()
            && note.equals(now.note())
            && load.equals(newLoad)
            && order.equals(newOrder);
    return same
        ? this
        : listed(now.server(), now.health(), now.maintenance(), newLoad, now.note())
            .with(newLoad, newOrder);
  }

  /** Whether it is to take no new clients, by its maintenance mode or by an order. */
  public boolean draining() {
    return maintenance || order.isPresent();
  }

  /** Whether the registry lists it now. */
  public boolean listed() {
    return presence == Presence.LISTED;
  }

  public Member as(Presence newPresence, Instant from) {
    return new Member(
        server, health, maintenance, order, newPresence, Optional.of(from), load, note);
  }

  /** The same server with other load and order. */
  public Member with(Optional<LoadReport> newLoad, Optional<DrainOrder> newOrder) {
    return load.equals(newLoad) && order.equals(newOrder)
        ? this
        : new Member(server, health, maintenance, newOrder, presence, since, newLoad, note);
  }

  /** The same state, the note left out: what a decision may depend on. */
  Member withoutNote() {
    return new Member(server, health, maintenance, order, presence, since, load, "");
  }
}
