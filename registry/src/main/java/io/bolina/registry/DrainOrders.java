package io.bolina.registry;

import io.bolina.registry.model.DrainOrder;

/**
 * Orders servers to drain from anywhere, by docs/consul-contract.md: unlike a {@link Registrar},
 * which writes for one server through the Consul agent beside it.
 */
public interface DrainOrders extends AutoCloseable {

  /**
   * Closes a server to new clients until {@link #callOff}, or renews an order.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void order(String service, String serverId, DrainOrder order);

  /**
   * Withdraws an order: the server is open again, if nothing else closes it. Without an order it
   * does nothing.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void callOff(String service, String serverId);

  /** Closes the connection; orders stay in force. */
  @Override
  void close();
}
