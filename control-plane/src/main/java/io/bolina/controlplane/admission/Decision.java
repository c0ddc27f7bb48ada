package io.bolina.controlplane.admission;

import io.bolina.registry.model.Member;

/**
 * What is decided about one server.
 *
 * @param member the server
 * @param standing whether new clients and known clients may reach it
 * @param weight its share of new clients relative to the other open servers, 1 to 100; a closed
 *     server keeps the weight it would have, so that nothing but its standing changes when it
 *     closes
 * @param reason why, in words for an operator
 */
public record Decision(Member member, Standing standing, int weight, String reason) {

  public boolean open() {
    return standing == Standing.OPEN;
  }

  /** Whether its known clients stay on it. */
  public boolean served() {
    return standing != Standing.GIVEN_UP;
  }

  /** Where a server stands with clients. */
  public enum Standing {
    /** New clients may reach it. */
    OPEN,
    /** Known clients stay on it, new ones go elsewhere. */
    CLOSED,
    /** It is gone: its clients are moved. */
    GIVEN_UP
  }
}
