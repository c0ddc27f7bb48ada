/** The real Envoy. */
package io.bolina.sandbox.envoy;
