/** The gate in a real Envoy. */
package io.bolina.it.gate;
