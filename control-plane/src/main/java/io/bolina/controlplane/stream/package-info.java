/**
 * How resources are streamed to Envoys: ADS and the separate EDS, CDS and LDS, state of the world
 * and incremental, servers all at once (EDS) or one by one (LEDS). What is sent is decided by what
 * each stream has been told; see docs/architecture.md for why java-control-plane's server and cache
 * are not used.
 */
package io.bolina.controlplane.stream;
