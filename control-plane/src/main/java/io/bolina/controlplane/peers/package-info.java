/**
 * What a replica does that cannot see the registry any more: it gives its Envoys up to one that
 * does, and keeps them when nobody does. {@link io.bolina.controlplane.peers.BlindRule} decides.
 */
package io.bolina.controlplane.peers;
