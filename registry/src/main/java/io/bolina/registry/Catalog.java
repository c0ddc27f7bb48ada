package io.bolina.registry;

import io.bolina.registry.model.Endpoint;

/** Takes entries out of the registry that nobody else will take out. */
public interface Catalog extends AutoCloseable {

  /**
   * Removes a registration, wherever it was made. An entry of that id at another address stays.
   *
   * @return whether there was one
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  boolean remove(String service, String serverId, Endpoint at);

  /** Closes the connection. */
  @Override
  void close();
}
