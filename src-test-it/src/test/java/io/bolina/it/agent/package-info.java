/** The agent on a real Consul and a real Envoy. */
package io.bolina.it.agent;
