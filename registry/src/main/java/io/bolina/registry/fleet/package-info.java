/**
 * From a registry's answers to fleets: {@link io.bolina.registry.fleet.FleetKeeper} decides (pure),
 * {@link io.bolina.registry.fleet.FleetTracker} keeps the current fleet of one service and passes
 * it to a listener.
 */
package io.bolina.registry.fleet;
