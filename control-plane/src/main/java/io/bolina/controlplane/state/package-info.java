/** The last good fleets in a file, so that a restarted control plane goes on where it was. */
package io.bolina.controlplane.state;
