/**
 * Consul as the registry. This is the only place that knows Consul; docs/consul-contract.md says
 * what it expects to find there.
 */
package io.bolina.registry.consul;
