package io.bolina.agent;

import io.bolina.registry.model.Health;

/**
 * The health that is written to the registry.
 *
 * @param reason why, for people: the output of Consul's check
 */
record ServerHealth(Health health, String reason) {}
