package io.bolina.registry;

import io.bolina.registry.model.Server;

/** Takes entries out of the registry that nobody else will take out. */
public interface Catalog extends AutoCloseable {

  /**
   * Removes a registration, wherever it was made. One of that id at another address, or of another
   * incarnation, stays: it is another server's.
   *
   * @return whether there was one
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  boolean remove(Server server);

  /** Closes the connection. */
  @Override
  void close();
}
