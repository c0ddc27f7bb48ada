package io.bolina.controlplane.peers;

/** What is known of another replica's view of the registry. */
public enum PeerView {
  /** It says that it sees the registry. */
  SEES,
  /** It says that it does not. */
  BLIND,
  /** It does not answer. An Envoy may reach it all the same. */
  UNREACHABLE
}
