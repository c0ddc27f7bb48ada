package io.bolina.agent;

import io.bolina.registry.Registrar;
import io.bolina.registry.RegistryWriteFailed;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Server;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** One server's entry in a registry that is nothing but memory. AgentIT has a real one. */
final class InMemoryRegistrar implements Registrar {
  private final List<String> writes = new CopyOnWriteArrayList<>();
  private volatile boolean registered;
  private volatile boolean maintenance;
  private volatile boolean available = true;
  private volatile Optional<Health> health = Optional.empty();
  private volatile String note = "";
  private volatile Optional<LoadReport> load = Optional.empty();
  private volatile Optional<GoneReport> gone = Optional.empty();
  private volatile String incarnation = "";
  private volatile String claimedAt = "";
  private volatile Optional<Server> elsewhere = Optional.empty();
  private volatile List<OtherRegistration> others = List.of();
  private volatile int requests;

  List<String> writes() {
    return List.copyOf(writes);
  }

  Optional<Health> health() {
    return health;
  }

  String note() {
    return note;
  }

  Optional<LoadReport> load() {
    return load;
  }

  Optional<GoneReport> gone() {
    return gone;
  }

  String incarnation() {
    return incarnation;
  }

  /** Another server of the id takes its place, or has it from the start. */
  void setElsewhere(Server other) {
    elsewhere = Optional.of(other);
  }

  /** Another agent says where the server of this id lives. */
  void setClaimedAt(String endpoint) {
    claimedAt = endpoint;
  }

  void setOthers(List<OtherRegistration> registrations) {
    others = registrations;
  }

  /** It was registered by an agent before. */
  void setRegistered(String asIncarnation) {
    registered = true;
    incarnation = asIncarnation;
  }

  int requests() {
    return requests;
  }

  void setAvailable(boolean available) {
    this.available = available;
  }

  void setMaintenance(boolean maintenance) {
    this.maintenance = maintenance;
  }

  void loseEverything() {
    registered = false;
    maintenance = false;
    health = Optional.empty();
    load = Optional.empty();
  }

  private synchronized void request() {
    requests++;
    if (!available) {
      throw new RegistryWriteFailed("the registry does not answer", null);
    }
  }

  @Override
  public void register(Server server, Duration timeToLive) {
    request();
    writes.add("register");
    registered = true;
    incarnation = server.incarnation();
    elsewhere = Optional.empty();
    health = Optional.of(Health.CRITICAL);
  }

  @Override
  public boolean health(Server server, Health reported, String why) {
    request();
    if (registered) {
      writes.add("health " + reported);
      health = Optional.of(reported);
      note = why;
    }
    return registered;
  }

  @Override
  public void load(Server server, LoadReport reported) {
    request();
    writes.add("load " + reported.load());
    load = Optional.of(reported);
  }

  @Override
  public boolean keepLoad(Server server) {
    request();
    return load.isPresent();
  }

  @Override
  public void draining(Server server, boolean draining, String reason) {
    request();
    writes.add("maintenance " + draining);
    maintenance = draining;
  }

  @Override
  public Registration registration(Server server) {
    request();
    return new Registration(
        registered && elsewhere.isEmpty(), maintenance, incarnation, claimedAt, elsewhere);
  }

  @Override
  public void claim(Server server) {
    request();
    writes.add("claim " + server.endpoint());
  }

  @Override
  public List<OtherRegistration> sharing(Server server) {
    request();
    return others;
  }

  @Override
  public void remove(OtherRegistration lapsed) {
    request();
    writes.add("remove " + lapsed.server().id());
    others = others.stream().filter(o -> !o.equals(lapsed)).toList();
  }

  @Override
  public void deregister(Server server) {
    request();
    writes.add("deregister");
    loseEverything();
  }

  @Override
  public void gone(Server server, GoneReport report) {
    request();
    writes.add("gone " + report);
    gone = Optional.of(report);
  }

  @Override
  public void alive(Server server) {
    request();
    writes.add("alive");
    gone = Optional.empty();
  }

  @Override
  public void close() {}
}
