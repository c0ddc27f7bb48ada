package io.bolina.registry;

/**
 * Orders servers to drain from anywhere, by docs/consul-contract.md: unlike an {@link Announcer},
 * which speaks for one server through the agent beside it.
 */
public interface Drainer extends AutoCloseable {

  /**
   * Closes a server to new clients until {@link #callOff}, or renews an order.
   *
   * @throws AnnouncementFailed if the registry did not take it
   */
  void order(String service, String serverId, DrainOrder order);

  /**
   * Takes an order back: the server is open again, if nothing else closes it. Without an order it
   * does nothing.
   *
   * @throws AnnouncementFailed if the registry did not take it
   */
  void callOff(String service, String serverId);

  /** Lets go of the registry; orders stay in force. */
  @Override
  void close();
}
