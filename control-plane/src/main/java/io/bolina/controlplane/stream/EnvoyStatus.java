package io.bolina.controlplane.stream;

import java.time.Instant;
import java.util.Map;
import java.util.Optional;

/**
 * One stream of one Envoy, as an operator wants to see it.
 *
 * @param node the Envoy's node id; empty until its first request
 * @param peer the address it connects from
 * @param protocol the gRPC method it calls
 * @param connectedAt since when
 * @param gate {@code on}, or {@code off:} and why it has no gate
 * @param endpoints how it is told of servers: {@code one by one}, or {@code all at once} and why
 * @param types per type (CDS, EDS, LEDS, LDS) what it was sent and what it said to that
 */
public record EnvoyStatus(
    String node,
    String peer,
    String protocol,
    Instant connectedAt,
    String gate,
    String endpoints,
    Map<String, TypeStatus> types) {

  /**
   * What one stream was sent of one type.
   *
   * @param sent the version last sent, or that it already had
   * @param acknowledged the version it last acknowledged, or said that it has
   * @param refused its last refusal, if any
   */
  public record TypeStatus(String sent, String acknowledged, Optional<Refusal> refused) {}

  /**
   * A NACK.
   *
   * @param version what it refused
   * @param reason why, in the Envoy's words
   */
  public record Refusal(String version, String reason, Instant at) {}
}
