package io.bolina.registry;

import io.bolina.registry.model.DrainOrder;

/**
 * Orders servers to drain from anywhere, by docs/consul-contract.md: unlike an {@link Registrar},
 * which speaks for one server through the agent beside it.
 */
public interface DrainOrders extends AutoCloseable {

  /**
   * Closes a server to new clients until {@link #callOff}, or renews an order.
   *
   * @throws RegistryWriteFailed if the registry did not take it
   */
  void order(String service, String serverId, DrainOrder order);

  /**
   * Takes an order back: the server is open again, if nothing else closes it. Without an order it
   * does nothing.
   *
   * @throws RegistryWriteFailed if the registry did not take it
   */
  void callOff(String service, String serverId);

  /** Lets go of the registry; orders stay in force. */
  @Override
  void close();
}
