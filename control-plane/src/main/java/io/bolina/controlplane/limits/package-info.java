/**
 * What one peer may make the control plane hold and do, and what all of them may together. Whoever
 * goes over a limit is refused or closed; the others notice nothing.
 */
package io.bolina.controlplane.limits;
