/** What a change costs on its way from Consul to the last Envoy, measured on the real Consul. */
package io.bolina.benchmarks;
