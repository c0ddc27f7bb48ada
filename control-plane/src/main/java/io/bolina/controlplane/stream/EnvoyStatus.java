package io.bolina.controlplane.stream;

import java.time.Instant;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;

/**
 * One stream of one Envoy, as an operator wants to see it.
 *
 * @param node the Envoy's node id; empty until its first request
 * @param peer the address it connects from
 * @param identity the names in its certificate by which it is admitted; {@code unauthenticated} if
 *     none was asked for
 * @param protocol the gRPC method it calls
 * @param connectedAt since when
 * @param restartEpoch which one it is of those that follow one another by hot restart; null if it
 *     does not say
 * @param handingOver whether it keeps its clients only until they are taken over by the next one,
 *     which is connected as well
 * @param gate {@code on}, or {@code off:} and why it has no gate
 * @param tokens {@code on}, or {@code off:} and why its module does not choose the servers
 * @param endpoints how it gets the servers: {@code leds}, or {@code eds} and why in brackets
 * @param types per type (CDS, EDS, LEDS, LDS) what it was sent and how it answered
 */
public record EnvoyStatus(
    String node,
    String peer,
    String identity,
    String protocol,
    Instant connectedAt,
    Long restartEpoch,
    boolean handingOver,
    String gate,
    String tokens,
    String endpoints,
    Map<String, TypeStatus> types) {

  /** The same, if it is followed by one of these. */
  EnvoyStatus among(Collection<EnvoyStatus> all) {
    boolean followed =
        restartEpoch != null
            && all.stream()
                .filter(other -> other.node.equals(node) && other.restartEpoch != null)
                .anyMatch(other -> other.restartEpoch > restartEpoch);
    return new EnvoyStatus(
        node,
        peer,
        identity,
        protocol,
        connectedAt,
        restartEpoch,
        followed,
        gate,
        tokens,
        endpoints,
        types);
  }

  /**
   * What one stream was sent of one type. Immutable, so that it can be shown while the stream goes
   * on.
   *
   * @param sent the version last sent, or that it already had
   * @param acknowledged the version it last acknowledged, or said that it has
   * @param rejected its last NACK, if it has acknowledged nothing since
   */
  public record TypeStatus(String sent, String acknowledged, Optional<Rejection> rejected) {
    static final TypeStatus NOTHING = new TypeStatus("", "", Optional.empty());

    /** The Envoy says that it already has a version. */
    TypeStatus withKnown(String version) {
      return new TypeStatus(version, version, rejected);
    }

    TypeStatus withSent(String version) {
      return new TypeStatus(version, acknowledged, rejected);
    }

    TypeStatus withAcknowledged(String version) {
      return new TypeStatus(sent, version, Optional.empty());
    }

    TypeStatus withRejected(Rejection rejection) {
      return new TypeStatus(sent, acknowledged, Optional.of(rejection));
    }
  }

  /**
   * A NACK.
   *
   * @param version what it rejected
   * @param reason why, in the Envoy's words
   */
  public record Rejection(String version, String reason, Instant at) {}
}
