/**
 * How resources are streamed to Envoys: ADS and the separate EDS, CDS and LDS, state of the world
 * and incremental, on java-control-plane's discovery server. What is sent is decided here, by what
 * each stream has been told; see docs/architecture.md for why java-control-plane's own cache is not
 * used.
 */
package io.bolina.controlplane.stream;
