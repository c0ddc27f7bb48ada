/**
 * A whole topology on loopback: stand-in servers and simulated clients around the real Envoy and
 * the real Consul. The demo and the integration tests stand on it.
 */
package io.bolina.sandbox;
