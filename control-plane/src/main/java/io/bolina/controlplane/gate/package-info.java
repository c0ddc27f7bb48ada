/**
 * The gate's rules: what datagrams of a service must look like and how many there may be, from a
 * file that may change at run time, and what operators order in the registry. The module that obeys
 * them inside Envoy is in gate/; docs/gate.md has the whole.
 */
package io.bolina.controlplane.gate;
