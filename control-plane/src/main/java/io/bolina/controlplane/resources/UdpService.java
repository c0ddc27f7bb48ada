package io.bolina.controlplane.resources;

/**
 * A service and where every Envoy listens for it.
 *
 * @param name the service in the registry; also the name of its cluster, listener and load
 *     assignment
 * @param listenAddress an IP address of the Envoys, often {@code 0.0.0.0}
 * @param listenPort a UDP port
 */
public record UdpService(String name, String listenAddress, int listenPort) {}
