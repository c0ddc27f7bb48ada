package io.bolina.registry.fleet;

import io.bolina.registry.Registry;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.ServiceListing;
import io.bolina.registry.model.Source;
import io.bolina.runtime.Warnings;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the fleet of one service: takes what a registry's sources say, on one thread, and tells the
 * listener. Also the clockwork of {@link FleetKeeper}: it wakes up when time alone changes the
 * fleet.
 */
public final class FleetTracker implements Registry.Watch {
  private static final Logger log = LoggerFactory.getLogger(FleetTracker.class);

  private final FleetKeeper keeper;
  private final Clock clock;
  private final Warnings warnings;
  private final Registry.Listener listener;
  private final ScheduledExecutorService thread;
  private Optional<ServiceListing> sighting = Optional.empty();
  private Optional<Map<String, LoadReport>> loads = Optional.empty();
  private Optional<Map<String, DrainOrder>> orders = Optional.empty();
  private Future<?> wakeUp;
  private boolean told;

  /** Nobody watched the last known fleet for too long to hold it against the registry. */
  private boolean unwatched;

  private volatile Fleet fleet;

  public FleetTracker(
      String service,
      Optional<LastKnownFleet> lastKnown,
      FleetSettings settings,
      Clock clock,
      Warnings warnings,
      Registry.Listener listener) {
    this.keeper = new FleetKeeper(settings);
    this.clock = clock;
    this.warnings = warnings;
    this.listener = listener;
    this.fleet = lastKnown.map(LastKnownFleet::fleet).orElse(Fleet.unknown(service));
    this.unwatched =
        lastKnown
            .filter(last -> last.at().plus(settings.holdLimit()).isBefore(clock.instant()))
            .isPresent();
    ScheduledThreadPoolExecutor executor =
        new ScheduledThreadPoolExecutor(
            1,
            task -> {
              Thread t = new Thread(task, "fleet-" + service);
              t.setDaemon(true);
              return t;
            });
    executor.setRemoveOnCancelPolicy(true);
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    this.thread = Executors.unconfigurableScheduledExecutorService(executor);
    if (lastKnown.isPresent()) {
      onThread(
          () -> {
            told = true;
            tell(fleet);
            become(keeper.aged(fleet, clock.instant()));
          });
    }
  }

  /** The registry listed the service. */
  public void seen(ServiceListing now) {
    onThread(
        () -> {
          sighting = Optional.of(now);
          FleetKeeper.contested(now)
              .forEach(
                  (endpoint, ids) ->
                      warnings.warn(
                          "contested-endpoint",
                          endpoint.toString(),
                          "service {}: the servers {} are all registered at {}; the worst of them decides for it",
                          fleet.service(),
                          ids,
                          endpoint));
          Instant at = clock.instant();
          Fleet last = heardHealth(fleet.health().heardAt(at));
          Map<String, LoadReport> known = loads.orElseGet(() -> loadsOf(fleet));
          Map<String, DrainOrder> ordered = orders.orElseGet(() -> ordersOf(fleet));
          Fleet next = keeper.seen(last, now, known, ordered, at);
          become(unwatched ? keeper.letGo(next, at) : next);
          unwatched = false;
        });
  }

  /** The listing was confirmed unchanged. */
  public void seenUnchanged() {
    onThread(() -> become(heardHealth(fleet.health().heardAt(clock.instant()))));
  }

  /** The load reports, all of them, by server id. */
  public void loaded(Map<String, LoadReport> now) {
    onThread(
        () -> {
          loads = Optional.of(Map.copyOf(now));
          become(keeper.loaded(heardLoad(fleet.load().heardAt(clock.instant())), now));
          reportOrphans(now);
        });
  }

  /** The load reports were confirmed unchanged. */
  public void loadedUnchanged() {
    onThread(() -> become(heardLoad(fleet.load().heardAt(clock.instant()))));
  }

  /** The listing could not be had. */
  public void healthFailed(String why) {
    onThread(() -> become(heardHealth(fleet.health().failing(why))));
  }

  /** The load reports could not be had. */
  public void loadFailed(String why) {
    onThread(() -> become(heardLoad(fleet.load().failing(why))));
  }

  /** The orders to drain, all of them, by server id. */
  public void ordered(Map<String, DrainOrder> now) {
    onThread(
        () -> {
          Fleet heard = heardOrders(fleet.orders().heardAt(clock.instant()));
          // Consul answers anew with every write of a load, as long as there is no order.
          boolean same = orders.filter(now::equals).isPresent();
          orders = Optional.of(Map.copyOf(now));
          become(same ? heard : keeper.ordered(heard, now));
        });
  }

  /** The orders to drain were confirmed unchanged. */
  public void orderedUnchanged() {
    onThread(() -> become(heardOrders(fleet.orders().heardAt(clock.instant()))));
  }

  /** The orders to drain could not be had. */
  public void ordersFailed(String why) {
    onThread(() -> become(heardOrders(fleet.orders().failing(why))));
  }

  @Override
  public Fleet current() {
    return fleet;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }

  /** Load reports for ids that no server has: most often a typing error in the key. */
  private void reportOrphans(Map<String, LoadReport> now) {
    if (sighting.isEmpty() || now.isEmpty()) {
      return;
    }
    Set<String> ids = new HashSet<>();
    fleet.members().forEach(m -> ids.add(m.server().id()));
    for (String id : now.keySet()) {
      if (!ids.contains(id)) {
        warnings.warn(
            "load-without-server",
            fleet.service() + "/" + id,
            "service {}: a load entry for '{}', but no server of that id is registered; it is ignored",
            fleet.service(),
            id);
      }
    }
  }

  private Fleet heardHealth(Source health) {
    return fleet.withSources(health, fleet.load(), fleet.orders());
  }

  private Fleet heardLoad(Source load) {
    return fleet.withSources(fleet.health(), load, fleet.orders());
  }

  private Fleet heardOrders(Source source) {
    return fleet.withSources(fleet.health(), fleet.load(), source);
  }

  private void become(Fleet next) {
    Fleet last = fleet;
    fleet = next;
    if (!next.members().equals(last.members()) || !next.protection().equals(last.protection())) {
      logTransitions(last, next);
    }
    logTransition(next.service(), "health", last.health(), next.health());
    logTransition(next.service(), "load", last.load(), next.load());
    logTransition(next.service(), "orders to drain", last.orders(), next.orders());
    boolean known =
        told
            || (sighting.isPresent()
                && hasHadItsChance(loads, fleet.load())
                && hasHadItsChance(orders, fleet.orders()));
    if (known && (!told || !next.equals(last))) {
      told = true;
      tell(next);
    }
    if (wakeUp != null) {
      wakeUp.cancel(false);
    }
    keeper
        .nextChange(next)
        .ifPresent(
            at -> {
              Duration delay = Duration.between(clock.instant(), at);
              wakeUp =
                  thread.schedule(
                      () -> guarded(() -> become(keeper.aged(fleet, clock.instant()))),
                      Math.max(delay.toMillis() + 1, 1),
                      TimeUnit.MILLISECONDS);
            });
  }

  /**
   * The first fleet waits for the first load reports and orders to drain, or a server that they
   * close would stand open for a moment; but not for ever, since that they are unknown is no reason
   * to serve nothing.
   */
  private static boolean hasHadItsChance(Optional<?> said, Source source) {
    return said.isPresent() || source.problem().isPresent();
  }

  private void tell(Fleet now) {
    try {
      listener.fleetChanged(now);
    } catch (RuntimeException e) {
      log.error(
          "service {}: a listener failed on a new fleet; it will hear of the next one",
          now.service(),
          e);
    }
  }

  private void logTransitions(Fleet last, Fleet next) {
    if (next.protection().inForce() && !last.protection().inForce()) {
      log.warn(
          "service {}: HOLDING the last good fleet: {}",
          next.service(),
          next.protection().reason());
    } else if (last.protection().inForce() && !next.protection().inForce()) {
      log.warn("service {}: the registry's word is in force again", next.service());
    }
    // Of a large fleet, most members are the same objects as before.
    IdentityHashMap<Member, Boolean> same = new IdentityHashMap<>(2 * last.members().size());
    last.members().forEach(m -> same.put(m, true));
    Map<Endpoint, Presence> before = new HashMap<>();
    List<Member> news = next.members().stream().filter(m -> same.remove(m) == null).toList();
    same.keySet().forEach(m -> before.put(m.server().endpoint(), m.presence()));
    for (Member m : news) {
      Presence was = before.get(m.server().endpoint());
      if (was != null && was != m.presence()) {
        log.info(
            "service {}: {} at {} is now {} (was {})",
            next.service(),
            m.server().id(),
            m.server().endpoint(),
            m.presence(),
            was);
      }
    }
  }

  static void logTransition(String service, String what, Source last, Source next) {
    if (next.problem().isPresent() && last.problem().isEmpty()) {
      log.warn(
          "service {}: the registry's {} cannot be had, the last known is kept: {}",
          service,
          what,
          next.problem().get());
    } else if (last.problem().isPresent() && next.problem().isEmpty()) {
      log.info("service {}: the registry's {} can be had again", service, what);
    }
  }

  private void onThread(Runnable task) {
    if (!thread.isShutdown()) {
      try {
        thread.execute(() -> guarded(task));
      } catch (RejectedExecutionException e) {
        log.debug("closed meanwhile", e);
      }
    }
  }

  private void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      if (thread.isShutdown()) {
        log.debug("closed meanwhile", e);
        return;
      }
      log.error(
          "service {}: an update of the fleet failed; the last fleet stays in force",
          fleet.service(),
          e);
    }
  }

  private static Map<String, DrainOrder> ordersOf(Fleet fleet) {
    Map<String, DrainOrder> orders = new HashMap<>(fleet.ordersInAdvance());
    fleet.members().forEach(m -> m.order().ifPresent(o -> orders.put(m.server().id(), o)));
    return orders;
  }

  private static Map<String, LoadReport> loadsOf(Fleet fleet) {
    Map<String, LoadReport> loads = new HashMap<>();
    fleet.members().forEach(m -> m.load().ifPresent(load -> loads.put(m.server().id(), load)));
    return loads;
  }
}
