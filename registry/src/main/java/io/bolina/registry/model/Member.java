package io.bolina.registry.model;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * A server and all that is known of its state.
 *
 * @param server the server
 * @param health the worst of its own checks
 * @param reportExpired whether it is critical because nobody has reported for it within its time to
 *     live: of two registrations of one id, or at one address, the other one lives
 * @param maintenance whether the registry's maintenance mode is set on it, which drains it
 * @param order the order to drain that is in force for it, if there is one
 * @param gone what is said of its end, if that is about this very server
 * @param goneHeld whether that is not followed, since it is said of too many at once
 * @param presence whether it can be seen
 * @param since since when the presence is what it is; empty for {@link Presence#LISTED}
 * @param load its last load report; empty means "load unknown", which is no reason to close it
 * @param othersHere further ids that are registered at its address and port, in order
 * @param note the worst check's output, for people; never part of a decision
 */
public record Member(
    Server server,
    Health health,
    boolean reportExpired,
    boolean maintenance,
    Optional<DrainOrder> order,
    Optional<GoneReport> gone,
    boolean goneHeld,
    Presence presence,
    Optional<Instant> since,
    Optional<LoadReport> load,
    List<String> othersHere,
    String note) {

  public Member {
    othersHere = List.copyOf(othersHere);
  }

  /** A server of whose end nothing is said, alone at its address. */
  public Member(
      Server server,
      Health health,
      boolean maintenance,
      Optional<DrainOrder> order,
      Presence presence,
      Optional<Instant> since,
      Optional<LoadReport> load,
      String note) {
    this(
        server,
        health,
        false,
        maintenance,
        order,
        Optional.empty(),
        false,
        presence,
        since,
        load,
        List.of(),
        note);
  }

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

  /** A server as a registry lists it now. */
  public static Member listed(
      ServiceListing.Instance now,
      List<String> othersHere,
      Optional<LoadReport> load,
      Optional<DrainOrder> order) {
    return new Member(
        now.server(),
        now.health(),
        now.reportExpired(),
        now.maintenance(),
        order,
        Optional.empty(),
        false,
        Presence.LISTED,
        Optional.empty(),
        load,
        othersHere,
        now.note());
  }

  /**
   * The same server as a registry lists it now: this very object if nothing is new, so that later
   * steps can skip it. Its load and order stay; what was said of its end does for as long as it is
   * about the same server.
   */
  public Member listedAs(ServiceListing.Instance now, List<String> newOthersHere) {
    boolean same =
        presence == Presence.LISTED
            && server.equals(now.server())
            && health == now.health()
            && reportExpired == now.reportExpired()
            && maintenance == now.maintenance()
            && note.equals(now.note())
            && othersHere.equals(newOthersHere);
    return same
        ? this
        : listed(now, newOthersHere, load, order)
            .withGone(gone.filter(report -> report.isAbout(now.server())), goneHeld);
  }

  /** Whether it is to take no new clients, by its maintenance mode or by an order. */
  public boolean draining() {
    return maintenance || order.isPresent();
  }

  /** Whether the registry lists it now. */
  public boolean listed() {
    return presence == Presence.LISTED;
  }

  /** Whether it is known to have ended: its clients are moved. */
  public boolean hasEnded() {
    return gone.isPresent() && !goneHeld;
  }

  public Member as(Presence newPresence, Instant from) {
    return new Member(
        server,
        health,
        reportExpired,
        maintenance,
        order,
        gone,
        goneHeld,
        newPresence,
        Optional.of(from),
        load,
        othersHere,
        note);
  }

  /** The same, its presence as old as it was some time ago. */
  Member shifted(Duration by) {
    return since.isEmpty() ? this : as(presence, since.get().plus(by));
  }

  /** The same server with other load and order. */
  public Member with(Optional<LoadReport> newLoad, Optional<DrainOrder> newOrder) {
    return load.equals(newLoad) && order.equals(newOrder)
        ? this
        : new Member(
            server,
            health,
            reportExpired,
            maintenance,
            newOrder,
            gone,
            goneHeld,
            presence,
            since,
            newLoad,
            othersHere,
            note);
  }

  /**
   * The same server with what is said of its end.
   *
   * @param held whether that is not to be followed
   */
  public Member withGone(Optional<GoneReport> report, boolean held) {
    boolean newHeld = held && report.isPresent();
    return gone.equals(report) && goneHeld == newHeld
        ? this
        : new Member(
            server,
            health,
            reportExpired,
            maintenance,
            order,
            report,
            newHeld,
            presence,
            since,
            load,
            othersHere,
            note);
  }

  /** The same state, the note left out: what a decision may depend on. */
  Member withoutNote() {
    return new Member(
        server,
        health,
        reportExpired,
        maintenance,
        order,
        gone,
        goneHeld,
        presence,
        since,
        load,
        othersHere,
        "");
  }
}
