package io.bolina.controlplane.peers;

import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;

/**
 * What a replica does with its Envoys while it cannot see the registry. A pure function.
 *
 * <ul>
 *   <li>Another replica sees: the Envoys are given up to it, until this one sees again.
 *   <li>Every other replica says that it does not see either: nobody could serve them better, so
 *       they stay, with the last known fleet.
 *   <li>Neither is known, since a replica does not answer, or none is known of: the Envoys are
 *       given up once in an outage, for a moment, in which they can find a better one. Those who
 *       come back found none, and are served: an Envoy that starts needs its configuration. So an
 *       outage for all makes no Envoy wander in circles.
 * </ul>
 *
 * @param blindAfter how long the registry may not be seen until something is done
 * @param refusal how long Envoys are refused while no replica is known that sees
 */
public record BlindRule(Duration blindAfter, Duration refusal) {

  /**
   * Decides.
   *
   * @param last what was decided before
   * @param blindFor how long the registry has not been seen; empty while it is
   * @param peers what the other replicas say, this one left out
   */
  public Standing next(
      Standing last, Optional<Duration> blindFor, Collection<PeerView> peers, Instant now) {
    if (blindFor.isEmpty()) {
      return Standing.SEES;
    }
    if (!isBlind(blindFor)) {
      return last.refuses() ? last : Standing.SEES;
    }
    if (peers.contains(PeerView.SEES)) {
      return new Standing(true, "another replica sees the registry", last.refusedSince());
    }
    boolean nobodySees = !peers.isEmpty() && !peers.contains(PeerView.UNREACHABLE);
    if (nobodySees) {
      return new Standing(false, "no replica sees the registry", last.refusedSince());
    }
    Instant since = last.refusedSince().orElse(now);
    boolean refuses = now.isBefore(since.plus(refusal));
    return new Standing(
        refuses,
        refuses
            ? "another replica may see the registry"
            : "no replica found that sees the registry",
        Optional.of(since));
  }

  /** Whether the other replicas are to be asked. */
  public boolean isBlind(Optional<Duration> blindFor) {
    return blindFor.filter(time -> time.compareTo(blindAfter) >= 0).isPresent();
  }
}
