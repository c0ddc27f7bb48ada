/**
 * What is known of the servers: an immutable model ({@link io.bolina.registry.Fleet} and what it is
 * made of), how one sighting of a registry becomes the next fleet ({@link
 * io.bolina.registry.FleetKeeper}, a pure function), and the interface through which everybody else
 * watches it ({@link io.bolina.registry.Registry}).
 */
package io.bolina.registry;
