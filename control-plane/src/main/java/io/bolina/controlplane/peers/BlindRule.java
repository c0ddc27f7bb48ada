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
 *   <li>Neither is known, since a replica does not answer, or none is known of: some seconds are
 *       waited for a replica that is slow, or has yet to notice. Then the Envoys are given up once
 *       in an outage, for a moment, in which they can find a better one. Those who come back found
 *       none, and are served: an Envoy that starts needs its configuration. So an outage for all
 *       makes no Envoy wander in circles.
 * </ul>
 *
 * @param blindAfter how long the registry may not be seen until something is done
 * @param doubt how long after that the other replicas have to say clearly what they see
 * @param refusal how long Envoys are refused while no replica is known that sees
 */
public record BlindRule(Duration blindAfter, Duration doubt, Duration refusal) {

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
    boolean nobodySees = peers.stream().allMatch(PeerView.BLIND::equals);
    if (nobodySees && !peers.isEmpty()) {
      // That is known now, should one of them not answer in time the next time.
      Instant over = now.minus(refusal);
      return new Standing(false, "no replica sees the registry", Optional.of(over));
    }
    boolean early = blindFor.get().compareTo(blindAfter.plus(doubt)) < 0;
    if (early && !peers.isEmpty() && !last.refuses()) {
      return new Standing(false, "other replicas asked", last.refusedSince());
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
