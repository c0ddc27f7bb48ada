package io.bolina.registry.model;

/**
 * An address and port: what an Envoy knows a server by, and what its sessions are bound to.
 *
 * @param address an IP address
 * @param port its UDP port
 */
public record Endpoint(String address, int port) {

  /** By hand, since every server is looked up by it with every change. */
  @Override
  public boolean equals(Object other) {
    return other instanceof Endpoint at && port == at.port && address.equals(at.address);
  }

  @Override
  public int hashCode() {
    return 31 * address.hashCode() + port;
  }

  /** As it is written everywhere: {@code 10.0.0.1:7000} or {@code [2001:db8::1]:7000}. */
  @Override
  public String toString() {
    return address.indexOf(':') >= 0 ? "[" + address + "]:" + port : address + ":" + port;
  }
}
