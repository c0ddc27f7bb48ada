package io.bolina.registry.model;

import java.util.List;

/**
 * What operators have ordered for the gate of a service at this moment.
 *
 * @param service the service
 * @param shieldsUp only known clients may pass
 * @param denied networks from which nothing may pass, in order, each once
 * @param source where this comes from, and how old it is
 */
public record GateOrders(String service, boolean shieldsUp, List<Network> denied, Source source) {

  public GateOrders {
    denied = Network.inOrder(denied);
  }

  /** No order. */
  public static GateOrders none(String service) {
    return new GateOrders(service, false, List.of(), Source.NEVER_UPDATED);
  }

  /** The same, known from a source of another age. */
  public GateOrders with(Source newSource) {
    return new GateOrders(service, shieldsUp, denied, newSource);
  }

  /** Whether both order the same, however old they are. */
  public boolean sameAs(GateOrders other) {
    return with(other.source).equals(other);
  }
}
