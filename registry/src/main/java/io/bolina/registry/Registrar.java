package io.bolina.registry;

import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import java.time.Duration;

/**
 * Registers a server and reports for it: the writing side of docs/consul-contract.md. Every call
 * makes one change and returns when the registry has accepted it.
 */
public interface Registrar extends AutoCloseable {

  /**
   * Registers a server, or registers it again. It is critical until its health is reported.
   *
   * @param timeToLive after how long without a report of its health the registry makes it critical
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void register(Server server, Duration timeToLive);

  /**
   * Reports the health of a registered server.
   *
   * @param note why, for people
   * @return false if the registry does not know the server (any more): it must be registered again
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  boolean health(Server server, Health health, String note);

  /**
   * Reports the load of a server. The entry disappears by itself some time after the last call of
   * {@link #keepLoad}, but never because of the server's health.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void load(Server server, LoadReport load);

  /**
   * Keeps the load entry alive.
   *
   * @return false if it was lost and must be written again
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  boolean keepLoad(Server server);

  /**
   * Closes a server to new clients, or opens it again.
   *
   * @param reason why, for people
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void draining(Server server, boolean draining, String reason);

  /**
   * How the server is registered now: somebody may have set it draining, or another agent may have
   * registered the same id.
   *
   * @throws RegistryWriteFailed if the registry does not answer
   */
  Registration registration(Server server);

  /**
   * Removes a server and its load entry.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void deregister(Server server);

  /**
   * Says that a server has ended, so that its clients are moved. The entry disappears by itself
   * some hours later, whatever becomes of this process.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void gone(Server server, GoneReport report);

  /**
   * Takes back whatever was said of the end of a server of this id. Without it, it does nothing.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void alive(Server server);

  /** Closes the connection; the registry keeps everything as it is. */
  @Override
  void close();

  /**
   * How a server is registered.
   *
   * @param registered whether it is known, with the same address and port
   * @param draining whether it is in maintenance mode
   * @param elsewhere where another server of the same id is registered; empty if there is none
   */
  record Registration(boolean registered, boolean draining, String elsewhere) {}
}
