/** Real QUIC connections through a real Envoy, whatever becomes of servers, clients and Envoys. */
package io.bolina.it.quic;
