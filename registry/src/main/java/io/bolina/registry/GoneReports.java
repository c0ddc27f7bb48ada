package io.bolina.registry;

import io.bolina.registry.model.GoneReport;

/**
 * Says from anywhere that servers have ended, by docs/consul-contract.md: unlike a {@link
 * Registrar}, which says it of its own server through the Consul agent beside it. Only who knows it
 * may say it: not knowing is no such knowledge.
 */
public interface GoneReports extends AutoCloseable {

  /**
   * Says that a server has ended. An earlier report on the same id is replaced.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void report(String service, String serverId, GoneReport report);

  /**
   * Takes a report back. Without one it does nothing.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void withdraw(String service, String serverId);

  /** Closes the connection; reports stay. */
  @Override
  void close();
}
