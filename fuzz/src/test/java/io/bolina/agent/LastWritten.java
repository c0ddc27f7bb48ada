package io.bolina.agent;

import io.bolina.registry.Registrar;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A registry that takes everything and knows nothing but a server's last load. */
final class LastWritten implements Registrar {
  private volatile Optional<LoadReport> last = Optional.empty();
  private volatile boolean registered;
  private volatile boolean maintenance;
  private volatile String incarnation = "";

  boolean hasLoad(double load) {
    return last.filter(l -> l.load() == load).isPresent();
  }

  @Override
  public void register(Server server, Duration timeToLive) {
    registered = true;
    incarnation = server.incarnation();
  }

  @Override
  public boolean health(Server server, Health health, String note) {
    return registered;
  }

  @Override
  public void load(Server server, LoadReport report) {
    last = Optional.of(report);
  }

  @Override
  public boolean keepLoad(Server server) {
    return last.isPresent();
  }

  @Override
  public void draining(Server server, boolean draining, String reason) {
    maintenance = draining;
  }

  @Override
  public Registration registration(Server server) {
    return new Registration(registered, maintenance, incarnation, "", Optional.empty());
  }

  @Override
  public void claim(Server server) {
    // It is alone.
  }

  @Override
  public List<OtherRegistration> sharing(Server server) {
    return List.of();
  }

  @Override
  public void remove(OtherRegistration lapsed) {
    // There is none.
  }

  @Override
  public void deregister(Server server) {
    registered = false;
    maintenance = false;
  }

  @Override
  public void gone(Server server, GoneReport report) {
    // Nobody reads it.
  }

  @Override
  public void alive(Server server) {
    // Nobody reads it.
  }

  @Override
  public void close() {
    // Nothing is open.
  }
}
