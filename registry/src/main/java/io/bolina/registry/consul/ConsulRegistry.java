package io.bolina.registry.consul;

import io.bolina.registry.Registry;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.fleet.FleetTracker;
import io.bolina.registry.fleet.GateOrdersTracker;
import io.bolina.registry.fleet.RegistryAvailability;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.Warnings;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/**
 * Consul as the registry: for every watched service one blocking query for its health, one for its
 * load prefix, one for its orders to drain and one for reports of servers that have ended, each on
 * its own connection and thread, so that none waits for another; and one more for the orders for
 * its gate, if those are watched.
 */
public final class ConsulRegistry implements Registry {
  /**
   * Orders are few, but as long as there is none Consul answers with every write beside their
   * prefix.
   */
  private static final int ORDERS_BURST = 4;

  /** The clients of a server that has ended wait for this. */
  private static final int GONE_BURST = 20;

  private final ConsulSettings settings;
  private final FleetSettings fleetSettings;
  private final Telemetry telemetry;
  private final RegistryAvailability availability;
  private final Set<WatchHandle> open = ConcurrentHashMap.newKeySet();
  private final Set<BlockingQuery<?>> running = ConcurrentHashMap.newKeySet();
  private final ConsulHeartbeat heartbeat;

  public ConsulRegistry(ConsulSettings settings, FleetSettings fleetSettings, Telemetry telemetry) {
    this.settings = settings;
    this.fleetSettings = fleetSettings;
    this.telemetry = telemetry;
    this.availability = new RegistryAvailability(Optional.of(settings.url().toString()));
    this.heartbeat = new ConsulHeartbeat(settings, this::silent).start();
  }

  @Override
  public Watch watch(String service, Optional<LastKnownFleet> lastKnown, FleetListener listener) {
    Watch watch = new ConsulWatch(service, lastKnown, listener);
    open.add(watch);
    return watch;
  }

  @Override
  public WatchHandle watchGate(
      String service, Optional<GateOrders> lastKnown, Consumer<GateOrders> listener) {
    GateOrdersTracker watch =
        new GateOrdersTracker(service, lastKnown, telemetry.clock(), availability, listener);
    GateOrdersReader reader = new GateOrdersReader(service, telemetry.warnings());
    BlockingQuery<GateOrdersReader.GateOrderSet> query =
        keys(
            service + "-gate",
            GateOrdersReader.prefix(service),
            ORDERS_BURST,
            reader::read,
            onResult(
                (orders, problem) -> watch.received(orders.shieldsUp(), orders.denied(), problem),
                watch::unchanged,
                watch::failed));
    WatchHandle handle = () -> end(query);
    open.add(handle);
    begin(query);
    return () -> {
      open.remove(handle);
      handle.close();
    };
  }

  @Override
  public Duration silence() {
    return heartbeat.silence();
  }

  private void silent() {
    running.forEach(query -> query.abort("no answer from " + settings.url() + " for some seconds"));
  }

  private void begin(BlockingQuery<?> query) {
    running.add(query);
    query.start();
  }

  private void end(BlockingQuery<?> query) {
    running.remove(query);
    query.close();
  }

  @Override
  public void close() {
    heartbeat.close();
    open.forEach(WatchHandle::close);
  }

  private final class ConsulWatch implements Watch {
    private final FleetTracker tracker;
    private final List<BlockingQuery<?>> queries;

    private ConsulWatch(
        String service, Optional<LastKnownFleet> lastKnown, FleetListener listener) {
      tracker =
          new FleetTracker(service, lastKnown, fleetSettings, telemetry, availability, listener);
      Warnings warnings = telemetry.warnings();
      ServiceNameCheck name = new ServiceNameCheck(service, settings);
      InstanceReader instances = new InstanceReader(service, warnings);
      LoadReader loads = new LoadReader(service, warnings);
      DrainOrderReader orders = new DrainOrderReader(service, warnings);
      GoneReportReader gone = new GoneReportReader(service, warnings);
      queries =
          List.of(
              new BlockingQuery<>(
                  service + "-health",
                  settings,
                  new Pacing(Duration.ofMillis(50), 10, System.nanoTime()),
                  (consul, options) ->
                      consul.healthClient().getAllServiceInstances(service, options),
                  instances::read,
                  onResult(
                      (listing, problem) -> {
                        tracker.listingReceived(listing, problem);
                        name.listed(listing.instances().isEmpty());
                      },
                      tracker::listingUnchanged,
                      tracker::listingFailed)),
              keys(
                  service + "-load",
                  LoadReader.prefix(service),
                  2,
                  loads::read,
                  onResult(tracker::loadsReceived, tracker::loadsUnchanged, tracker::loadsFailed)),
              keys(
                  service + "-orders",
                  DrainOrderReader.prefix(service),
                  ORDERS_BURST,
                  orders::read,
                  onResult(
                      tracker::drainOrdersReceived,
                      tracker::drainOrdersUnchanged,
                      tracker::drainOrdersFailed)),
              keys(
                  service + "-gone",
                  GoneReportReader.prefix(service),
                  GONE_BURST,
                  gone::read,
                  onResult(
                      tracker::goneReportsReceived,
                      tracker::goneReportsUnchanged,
                      tracker::goneReportsFailed)));
      queries.forEach(ConsulRegistry.this::begin);
    }

    @Override
    public Fleet current() {
      return tracker.current();
    }

    @Override
    public void close() {
      open.remove(this);
      queries.forEach(ConsulRegistry.this::end);
      tracker.close();
    }
  }

  /** A query for all keys below a prefix, paced in the long run. */
  private <T> BlockingQuery<T> keys(
      String name,
      String prefix,
      int burst,
      ConsulConnection.AnswerReader<T> reader,
      BlockingQuery.ResultListener<T> listener) {
    return new BlockingQuery<>(
        name,
        settings,
        new Pacing(settings.loadPacing(), burst, System.nanoTime()),
        (consul, options) -> consul.keyValueClient().getConsulResponseWithValues(prefix, options),
        reader,
        listener);
  }

  private static <T> BlockingQuery.ResultListener<T> onResult(
      BiConsumer<T, Optional<String>> received, Runnable unchanged, Consumer<String> failed) {
    return new BlockingQuery.ResultListener<>() {
      @Override
      public void received(T body, Optional<String> problem) {
        received.accept(body, problem);
      }

      @Override
      public void unchanged() {
        unchanged.run();
      }

      @Override
      public void failed(String reason) {
        failed.accept(reason);
      }
    };
  }
}
