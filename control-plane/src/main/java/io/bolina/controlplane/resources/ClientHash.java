package io.bolina.controlplane.resources;

/** What a new client's server is chosen by. */
public enum ClientHash {
  /**
   * Its address: a returning client finds its server again, and all clients behind one address (a
   * NAT) are on one server.
   */
  SOURCE_IP,
  /**
   * Nothing: each session gets a server at random, by weight. Envoy's UDP proxy can hash nothing
   * else, so a returning client is on any server.
   */
  NONE
}
