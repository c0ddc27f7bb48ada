package io.bolina.sandbox.envoy;

/** What chooses the server of a new session in an Envoy. */
public enum Chooser {
  /** Envoy's own policy, MAGLEV; a closed server is DEGRADED. */
  ENVOY,
  /** The gate's module, by tokens and else as Envoy does; a closed server is marked. */
  MODULE
}
