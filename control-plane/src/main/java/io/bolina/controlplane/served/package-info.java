/**
 * What is served: resources by type and name, versioned by their content. Nothing here knows how
 * they are streamed.
 */
package io.bolina.controlplane.served;
