package io.bolina.controlplane.admission;

import io.bolina.registry.model.Member;

/**
 * What is decided about one server.
 *
 * @param member the server
 * @param status whether new clients and known clients may reach it
 * @param weight its share of new clients relative to the other open servers, 1 to 100; a closed
 *     server keeps the weight it would have, so that nothing but its status changes when it closes
 * @param reason why, in words for an operator
 */
public record Decision(Member member, AdmissionStatus status, int weight, String reason) {

  public boolean open() {
    return status == AdmissionStatus.OPEN;
  }

  /** Whether its known clients stay on it. */
  public boolean served() {
    return status != AdmissionStatus.GIVEN_UP;
  }
}
