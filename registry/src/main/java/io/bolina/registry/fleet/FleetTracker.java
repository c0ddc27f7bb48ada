package io.bolina.registry.fleet;

import io.bolina.registry.Registry;
import io.bolina.registry.fleet.RegistryAvailability.Fallback;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Endpoint;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.LoadReport;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.ServiceListing;
import io.bolina.registry.model.Source;
import io.bolina.runtime.Telemetry;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps the fleet of one service: takes the results of a registry's queries, on one thread, and
 * passes each new fleet to a listener. It drives {@link FleetKeeper} by the clock, too: it wakes up
 * when time alone changes the fleet.
 */
public final class FleetTracker implements Registry.Watch {
  private static final Logger log = LoggerFactory.getLogger(FleetTracker.class);

  private final FleetKeeper keeper;
  private final Telemetry telemetry;
  private final RegistryAvailability availability;
  private final Registry.FleetListener listener;
  private final ScheduledExecutorService thread;
  private Optional<ServiceListing> listing = Optional.empty();
  private Optional<Map<String, LoadReport>> loads = Optional.empty();
  private Optional<Map<String, DrainOrder>> drainOrders = Optional.empty();
  private Optional<Map<String, GoneReport>> goneReports = Optional.empty();
  private Future<?> wakeUp;

  /** The listener has a fleet. */
  private volatile boolean delivered;

  /** Nobody watched the last known fleet for too long to hold it against the registry. */
  private boolean lastKnownIsOld;

  private volatile Fleet fleet;

  /**
   * @param lastKnown the fleet that this or an earlier process last knew; the listener gets it at
   *     once
   * @param availability logs when the registry is unavailable
   * @param listener gets every new fleet, on the tracker's thread
   */
  public FleetTracker(
      String service,
      Optional<LastKnownFleet> lastKnown,
      FleetSettings settings,
      Telemetry telemetry,
      RegistryAvailability availability,
      Registry.FleetListener listener) {
    this.keeper = new FleetKeeper(settings);
    this.telemetry = telemetry;
    this.availability = availability;
    this.listener = listener;
    this.fleet =
        lastKnown.map(last -> last.resumedAt(now())).orElseGet(() -> Fleet.unknown(service));
    this.lastKnownIsOld =
        lastKnown.filter(last -> last.at().plus(settings.holdLimit()).isBefore(now())).isPresent();
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
            delivered = true;
            deliver(fleet);
            become(keeper.aged(fleet, now()));
          });
    }
  }

  /** The registry listed the service. */
  public void listingReceived(ServiceListing now) {
    listingReceived(now, Optional.empty());
  }

  /**
   * The registry listed the service.
   *
   * @param problem why that may be old, though it is the best there is; empty if it is not
   */
  public void listingReceived(ServiceListing now, Optional<String> problem) {
    onThread(
        () -> {
          listing = Optional.of(now);
          FleetKeeper.contested(now)
              .forEach(
                  (endpoint, ids) ->
                      telemetry
                          .warnings()
                          .warn("contested-endpoint", endpoint.toString())
                          .addKeyValue("service", fleet.service())
                          .addKeyValue("address", endpoint)
                          .addKeyValue("servers", String.join(",", new TreeSet<>(ids)))
                          .log("several servers registered at one address; the latest decides"));
          Instant at = now();
          Fleet last = withHealth(fleet.health().updatedAt(at, problem));
          Fleet next = withListing(last, now, at);
          reportDuplicateIds(next);
          become(lastKnownIsOld ? keeper.release(next, at) : next);
          lastKnownIsOld = false;
        });
  }

  /** The registry confirmed the listing. */
  public void listingUnchanged() {
    onThread(() -> become(withHealth(fleet.health().updatedAt(now()))));
  }

  /** The query for the listing failed. */
  public void listingFailed(String reason) {
    onThread(() -> become(withHealth(fleet.health().failing(reason))));
  }

  /** The registry has these load reports, by server id, and no others. */
  public void loadsReceived(Map<String, LoadReport> now) {
    loadsReceived(now, Optional.empty());
  }

  /** The same, with why that may be old. */
  public void loadsReceived(Map<String, LoadReport> now, Optional<String> problem) {
    onThread(
        () -> {
          loads = Optional.of(Map.copyOf(now));
          become(keeper.withLoads(withLoad(fleet.load().updatedAt(now(), problem)), now));
          reportLoadsWithoutServer(now);
        });
  }

  /** The registry confirmed the load reports. */
  public void loadsUnchanged() {
    onThread(() -> become(withLoad(fleet.load().updatedAt(now()))));
  }

  /** The query for load reports failed. */
  public void loadsFailed(String reason) {
    onThread(() -> become(withLoad(fleet.load().failing(reason))));
  }

  /** The registry has these orders to drain, by server id, and no others. */
  public void drainOrdersReceived(Map<String, DrainOrder> now) {
    drainOrdersReceived(now, Optional.empty());
  }

  /** The same, with why that may be old. */
  public void drainOrdersReceived(Map<String, DrainOrder> now, Optional<String> problem) {
    onThread(
        () -> {
          Fleet updated = withOrders(fleet.orders().updatedAt(now(), problem));
          // Consul answers again with every write of a load, as long as there is no order.
          boolean same = drainOrders.filter(now::equals).isPresent();
          drainOrders = Optional.of(Map.copyOf(now));
          Instant at = now();
          become(same ? updated : relisted(keeper.withDrainOrders(updated, now, at), at));
        });
  }

  /** The registry confirmed the orders to drain. */
  public void drainOrdersUnchanged() {
    onThread(() -> become(withOrders(fleet.orders().updatedAt(now()))));
  }

  /** The query for orders to drain failed. */
  public void drainOrdersFailed(String reason) {
    onThread(() -> become(withOrders(fleet.orders().failing(reason))));
  }

  /** The registry has these reports of servers that have ended, by server id, and no others. */
  public void goneReportsReceived(Map<String, GoneReport> now) {
    goneReportsReceived(now, Optional.empty());
  }

  /** The same, with why that may be old. */
  public void goneReportsReceived(Map<String, GoneReport> now, Optional<String> problem) {
    onThread(
        () -> {
          Fleet updated = withGone(fleet.gone().updatedAt(now(), problem));
          boolean same = goneReports.filter(now::equals).isPresent();
          goneReports = Optional.of(Map.copyOf(now));
          Instant at = now();
          become(same ? updated : relisted(keeper.withGoneReports(updated, now, at), at));
        });
  }

  /** The registry confirmed the reports of servers that have ended. */
  public void goneReportsUnchanged() {
    onThread(() -> become(withGone(fleet.gone().updatedAt(now()))));
  }

  /** The query for reports of servers that have ended failed. */
  public void goneReportsFailed(String reason) {
    onThread(() -> become(withGone(fleet.gone().failing(reason))));
  }

  @Override
  public Fleet current() {
    return fleet;
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }

  /**
   * The fleet after the last listing once more: who has ended, or drains, decides about others that
   * share an address or an id, and whether most of the fleet vanished.
   */
  private Fleet relisted(Fleet last, Instant at) {
    return listing.map(listed -> withListing(last, listed, at)).orElse(last);
  }

  private Fleet withListing(Fleet last, ServiceListing listed, Instant at) {
    return keeper.withListing(
        last,
        listed,
        loads.orElseGet(() -> loadsOf(last)),
        drainOrders.orElseGet(() -> drainOrdersOf(last)),
        goneReports.orElseGet(() -> goneReportsOf(last)),
        at);
  }

  private void reportDuplicateIds(Fleet now) {
    FleetKeeper.duplicateIds(now)
        .forEach(
            (id, addresses) ->
                telemetry
                    .warnings()
                    .warn("duplicate-server-id", now.service() + "/" + id)
                    .addKeyValue("service", now.service())
                    .addKeyValue("server", id)
                    .addKeyValue(
                        "addresses",
                        String.join(
                            ",",
                            new TreeSet<>(addresses.stream().map(Endpoint::toString).toList())))
                    .addKeyValue("hint", "give each server of a service an id of its own")
                    .log(
                        "server id registered on several nodes; its load entry and drain order are ignored"));
  }

  /** Load reports for ids that no server has: most often a typing error in the key. */
  private void reportLoadsWithoutServer(Map<String, LoadReport> now) {
    if (listing.isEmpty() || now.isEmpty()) {
      return;
    }
    Set<String> ids = new HashSet<>();
    fleet.members().forEach(m -> ids.add(m.server().id()));
    for (String id : now.keySet()) {
      if (!ids.contains(id)) {
        telemetry
            .warnings()
            .warn("load-without-server", fleet.service() + "/" + id)
            .addKeyValue("service", fleet.service())
            .addKeyValue("server", id)
            .log("load entry of a server that is not registered; ignored");
      }
    }
  }

  private Instant now() {
    return telemetry.clock().instant();
  }

  private Fleet withHealth(Source health) {
    return fleet.withSources(health, fleet.load(), fleet.orders(), fleet.gone());
  }

  private Fleet withLoad(Source load) {
    return fleet.withSources(fleet.health(), load, fleet.orders(), fleet.gone());
  }

  private Fleet withOrders(Source source) {
    return fleet.withSources(fleet.health(), fleet.load(), source, fleet.gone());
  }

  private Fleet withGone(Source source) {
    return fleet.withSources(fleet.health(), fleet.load(), fleet.orders(), source);
  }

  private void become(Fleet next) {
    Fleet last = fleet;
    fleet = next;
    if (!next.members().equals(last.members())
        || !next.protection().equals(last.protection())
        || !next.goneProtection().equals(last.goneProtection())) {
      logTransitions(last, next);
    }
    report("health", last.health(), next.health());
    report("load", last.load(), next.load());
    report("drain-orders", last.orders(), next.orders());
    report("gone-reports", last.gone(), next.gone());
    boolean complete =
        delivered
            || (listing.isPresent()
                && answeredOrFailed(loads, fleet.load())
                && answeredOrFailed(drainOrders, fleet.orders())
                && answeredOrFailed(goneReports, fleet.gone()));
    if (complete && (!delivered || !next.equals(last))) {
      delivered = true;
      deliver(next);
    }
    if (wakeUp != null) {
      wakeUp.cancel(false);
    }
    keeper
        .nextChange(next)
        .ifPresent(
            at -> {
              Duration delay = Duration.between(now(), at);
              wakeUp =
                  thread.schedule(
                      () -> guarded(() -> become(keeper.aged(fleet, now()))),
                      Math.max(delay.toMillis() + 1, 1),
                      TimeUnit.MILLISECONDS);
            });
  }

  private void report(String source, Source last, Source next) {
    availability.update(
        fleet.service(),
        source,
        last,
        next,
        () -> {
          if (!delivered) {
            return Fallback.NOT_SERVING;
          }
          return next.lastUpdate().isPresent() ? Fallback.LAST_KNOWN : Fallback.WITHOUT;
        });
  }

  /**
   * The first fleet waits for the first load reports, orders to drain and reports of servers that
   * have ended, or a server that they close would stand open for a moment; but not for ever, since
   * that they are unknown is no reason to serve nothing.
   */
  private static boolean answeredOrFailed(Optional<?> answer, Source source) {
    return answer.isPresent() || source.error().isPresent();
  }

  private void deliver(Fleet now) {
    try {
      listener.fleetChanged(now);
    } catch (RuntimeException e) {
      log.atError()
          .addKeyValue("service", now.service())
          .setCause(e)
          .log("unexpected error; the listener gets the next fleet");
    }
  }

  private void logTransitions(Fleet last, Fleet next) {
    if (next.protection().inForce() && !last.protection().inForce()) {
      log.atWarn()
          .addKeyValue("service", next.service())
          .addKeyValue("reason", next.protection().reason())
          .log("holding last good fleet");
    } else if (last.protection().inForce() && !next.protection().inForce()) {
      log.atInfo().addKeyValue("service", next.service()).log("hold released; following registry");
    }
    if (next.goneHeld() && !last.goneHeld()) {
      log.atWarn()
          .addKeyValue("service", next.service())
          .addKeyValue("reason", next.goneProtection().reason())
          .addKeyValue(
              "hint", "delete wrong entries under bolina/gone/" + next.service() + "/ in Consul")
          .log("too many servers reported gone; their clients are not moved");
    } else if (last.goneHeld() && !next.goneHeld()) {
      log.atInfo()
          .addKeyValue("service", next.service())
          .log("reports of gone servers followed again");
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
        log.atInfo()
            .addKeyValue("service", next.service())
            .addKeyValue("server", m.server().id())
            .addKeyValue("address", m.server().endpoint())
            .addKeyValue("presence", lower(m.presence()))
            .addKeyValue("previous", lower(was))
            .log("server presence changed");
      }
    }
  }

  private static String lower(Presence presence) {
    return presence.name().toLowerCase(Locale.ROOT);
  }

  private void onThread(Runnable task) {
    if (!thread.isShutdown()) {
      try {
        thread.execute(() -> guarded(task));
      } catch (RejectedExecutionException e) {
        log.atDebug().setCause(e).log("closed meanwhile");
      }
    }
  }

  private void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException e) {
      if (thread.isShutdown()) {
        log.atDebug().setCause(e).log("closed meanwhile");
        return;
      }
      log.atError()
          .addKeyValue("service", fleet.service())
          .setCause(e)
          .log("unexpected error; keeping the last fleet");
    }
  }

  private static Map<String, DrainOrder> drainOrdersOf(Fleet fleet) {
    Map<String, DrainOrder> orders = new HashMap<>(fleet.ordersInAdvance());
    fleet.members().forEach(m -> m.order().ifPresent(o -> orders.put(m.server().id(), o)));
    return orders;
  }

  private static Map<String, GoneReport> goneReportsOf(Fleet fleet) {
    Map<String, GoneReport> reports = new HashMap<>();
    fleet.members().forEach(m -> m.gone().ifPresent(r -> reports.put(m.server().id(), r)));
    return reports;
  }

  private static Map<String, LoadReport> loadsOf(Fleet fleet) {
    Map<String, LoadReport> loads = new HashMap<>();
    fleet.members().forEach(m -> m.load().ifPresent(load -> loads.put(m.server().id(), load)));
    return loads;
  }
}
