package io.bolina.registry;

import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

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

  /**
   * Says that a server of this id lives, to whoever has registered the id at another address. It is
   * to be seen in {@link Registration#claimedAt} for some seconds.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void claim(Server server);

  /**
   * The servers of other ids that are registered at this server's address and port.
   *
   * @throws RegistryWriteFailed if the registry does not answer
   */
  List<OtherRegistration> sharing(Server server);

  /**
   * Removes a registration that is nobody's any more.
   *
   * @throws RegistryWriteFailed if the registry did not accept it
   */
  void remove(OtherRegistration lapsed);

  /** Closes the connection; the registry keeps everything as it is. */
  @Override
  void close();

  /**
   * How a server is registered.
   *
   * @param registered whether it is known, with the same address and port
   * @param draining whether it is in maintenance mode
   * @param incarnation which process of it is registered ({@link Server#INCARNATION}); empty if
   *     that is not said, or it is not known
   * @param claimedAt where another agent says that a server of this id lives; empty if none does
   * @param elsewhere another server of the same id that is registered in its place
   */
  record Registration(
      boolean registered,
      boolean draining,
      String incarnation,
      String claimedAt,
      Optional<Server> elsewhere) {
    /** One without anything particular about it. */
    public static Registration of(boolean registered, boolean draining) {
      return new Registration(registered, draining, "", "", Optional.empty());
    }
  }

  /**
   * A server of another id that is registered at the same address and port.
   *
   * @param node where, by the registry's name of the machine; empty if it is this one
   * @param lapsed whether nobody has reported for it in time, so that it is nobody's any more
   */
  record OtherRegistration(Server server, String node, boolean lapsed) {}
}
