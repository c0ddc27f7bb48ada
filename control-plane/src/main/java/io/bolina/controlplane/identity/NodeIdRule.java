package io.bolina.controlplane.identity;

/** Which node ids a peer may use. */
public enum NodeIdRule {
  /** Those of a name in its certificate. */
  NAME,
  /** Any: several Envoys share a certificate. */
  ANY
}
