/**
 * The control plane: watches fleets, decides who is open, and feeds every Envoy. Data flows one way
 * through the packages: fleet, {@code admission}, {@code resources}, {@code served}, {@code
 * stream}. {@link io.bolina.controlplane.ControlPlane} wires them and is the only one that knows
 * them all.
 */
package io.bolina.controlplane;
