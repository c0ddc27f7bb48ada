package io.bolina.controlplane.peers;

/** What is known of another replica's view of the registry. */
public enum PeerView {
  /** It says that it sees the registry, and has had an answer since this one does not. */
  SEES,
  /**
   * It says so too, but has had no answer since: if all lose the registry in one moment, some
   * notice it later than others.
   */
  UNPROVEN,
  /** It says that it does not. */
  BLIND,
  /** It does not answer. An Envoy may reach it all the same. */
  UNREACHABLE
}
