package io.bolina.controlplane.served;

/** What is served differs for Envoys that have the gate. */
public enum Edition {
  PLAIN,
  GATED
}
