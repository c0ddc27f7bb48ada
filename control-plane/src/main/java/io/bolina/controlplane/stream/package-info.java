/**
 * How resources are streamed to Envoys: ADS and the separate EDS, CDS and LDS, state of the world
 * and incremental, servers as full lists (EDS) or single resources (LEDS). What is sent is decided
 * by what each stream has been sent; see docs/architecture.md for why java-control-plane's server
 * and cache are not used.
 */
package io.bolina.controlplane.stream;
