/**
 * Who may connect over xDS, and what of: certificates that are reloaded, and the rules that turn
 * the names in a peer's certificate into the services it sees.
 */
package io.bolina.controlplane.identity;
