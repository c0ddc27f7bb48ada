package io.bolina.registry.model;

import java.time.Instant;
import java.util.Objects;

/**
 * Positive knowledge, kept in the registry, that a server has ended: its clients need not stay with
 * it. It is about one process at one address. A server of the same id at another address, or of
 * another incarnation, is alive.
 *
 * @param by who knows it, e.g. {@code agent} or {@code watcher}
 * @param since when the server ended, or was seen to have ended; {@link Instant#EPOCH} if that is
 *     not said
 * @param reason how that is known, for people
 * @param endpoint where the server was
 * @param incarnation the incarnation that ended ({@link Server#INCARNATION}); empty for a server
 *     that is registered without one
 */
public record GoneReport(
    String by, Instant since, String reason, Endpoint endpoint, String incarnation) {
  public GoneReport {
    Objects.requireNonNull(by, "by");
    Objects.requireNonNull(since, "since");
    Objects.requireNonNull(reason, "reason");
    Objects.requireNonNull(endpoint, "endpoint");
    Objects.requireNonNull(incarnation, "incarnation");
  }

  /** About a server as it is, or was, registered. */
  public static GoneReport of(Server server, String by, Instant since, String reason) {
    return new GoneReport(by, since, reason, server.endpoint(), server.incarnation());
  }

  /**
   * Whether this is about that very server. A report that names no incarnation is about whatever
   * was at the address; it holds until it is withdrawn.
   */
  public boolean isAbout(Server server) {
    return endpoint.equals(server.endpoint())
        && (incarnation.isEmpty() || incarnation.equals(server.incarnation()));
  }

  /** As it is shown to people: {@code process 4711 ended (said by agent)}. */
  @Override
  public String toString() {
    return (reason.isEmpty() ? "ended" : reason) + (by.isEmpty() ? "" : " (said by " + by + ")");
  }
}
