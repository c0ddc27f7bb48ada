package io.bolina.controlplane.resources;

import io.envoyproxy.envoy.config.core.v3.Node;
import java.util.Optional;

/**
 * Which Envoys choose servers by tokens: those that ask for it with their bootstrap and can have
 * the gate, from a fresh start. One that runs without keeps that until it is restarted, and one
 * that runs with it keeps that as well: changing the policy of a running cluster re-creates every
 * session.
 *
 * @param on whether it does
 * @param reason why not, in words; empty if it does
 */
public record TokenSupport(boolean on, String reason) {
  /** The key of the node's metadata by which an Envoy asks for it. */
  static final String METADATA = "bolina.tokens";

  /** Whether an Envoy asks for it. */
  public static boolean isAskedFor(Node node) {
    return node.getMetadata().containsFields(METADATA);
  }

  /**
   * Decides about an Envoy by what it says of itself with its first request.
   *
   * @param gate whether it gets the gate
   * @param runsWith whether its clusters are chosen by tokens already; empty if it has none
   */
  public static TokenSupport of(boolean asked, GateSupport gate, Optional<Boolean> runsWith) {
    if (runsWith.isPresent()) {
      return runsWith.get()
          ? new TokenSupport(true, "")
          : no(asked ? "it runs without; it must be restarted to begin" : NOT_ASKED);
    }
    if (!asked) {
      return no(NOT_ASKED);
    }
    return gate.gated() ? new TokenSupport(true, "") : no("it has no gate: " + gate.reason());
  }

  /** Decides about an Envoy that has refused it. */
  public static TokenSupport refused(String reason) {
    return no("it could not load the module: " + reason);
  }

  private static final String NOT_ASKED =
      "its bootstrap does not ask for it (bolina envoy-bootstrap --tokens does)";

  private static TokenSupport no(String why) {
    return new TokenSupport(false, why);
  }

  @Override
  public String toString() {
    return on ? "on" : "off: " + reason;
  }
}
