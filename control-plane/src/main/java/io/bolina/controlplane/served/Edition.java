package io.bolina.controlplane.served;

/** What is served differs by what an Envoy can. */
public enum Edition {
  PLAIN,
  /** With the gate. */
  GATED,
  /** With the gate, whose module chooses the servers too, by the tokens in datagrams. */
  TOKENS
}
