package io.bolina.registry.consul;

import io.bolina.registry.Registry;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.fleet.FleetTracker;
import io.bolina.registry.fleet.GateOrdersTracker;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.runtime.Warnings;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Consul as the registry: for every watched service one blocking query for its health, one for its
 * load prefix and one for its orders to drain, each on its own connection and thread, so that none
 * waits for another; and one more for the orders for its gate, if those are watched.
 */
public final class ConsulRegistry implements Registry {
  /**
   * Orders are few, but as long as there is none Consul answers with every write beside their
   * prefix.
   */
  private static final int ORDERS_BURST = 4;

  private final ConsulSettings settings;
  private final FleetSettings fleetSettings;
  private final Warnings warnings;
  private final Clock clock;
  private final Set<Ending> open = ConcurrentHashMap.newKeySet();

  public ConsulRegistry(
      ConsulSettings settings, FleetSettings fleetSettings, Warnings warnings, Clock clock) {
    this.settings = settings;
    this.fleetSettings = fleetSettings;
    this.warnings = warnings;
    this.clock = clock;
  }

  @Override
  public Watch watch(String service, Optional<LastKnownFleet> lastKnown, Listener listener) {
    Watch watch = new ConsulWatch(service, lastKnown, listener);
    open.add(watch);
    return watch;
  }

  @Override
  public Ending watchGate(
      String service, Optional<GateOrders> lastKnown, Consumer<GateOrders> listener) {
    GateOrdersTracker watch = new GateOrdersTracker(service, lastKnown, clock, listener);
    GateReader reader = new GateReader(service, warnings);
    BlockingQuery<GateReader.Orders> query =
        keys(
            service + "-gate",
            GateReader.prefix(service),
            ORDERS_BURST,
            reader::read,
            hears(
                orders -> watch.ordered(orders.shieldsUp(), orders.denied()),
                watch::unchanged,
                watch::failed));
    Ending ending = query::close;
    open.add(ending);
    query.start();
    return () -> {
      open.remove(ending);
      ending.close();
    };
  }

  @Override
  public void close() {
    open.forEach(Ending::close);
  }

  private final class ConsulWatch implements Watch {
    private final FleetTracker tracker;
    private final List<BlockingQuery<?>> queries;

    private ConsulWatch(String service, Optional<LastKnownFleet> lastKnown, Listener listener) {
      tracker = new FleetTracker(service, lastKnown, fleetSettings, clock, warnings, listener);
      InstanceReader instances = new InstanceReader(service, warnings);
      LoadReader loads = new LoadReader(service, warnings);
      OrderReader orders = new OrderReader(service, warnings);
      queries =
          List.of(
              new BlockingQuery<>(
                  service + "-health",
                  settings,
                  new Pacing(Duration.ofMillis(50), 10, System.nanoTime()),
                  (consul, options) ->
                      consul.healthClient().getAllServiceInstances(service, options),
                  instances::read,
                  hears(tracker::seen, tracker::seenUnchanged, tracker::healthFailed)),
              keys(
                  service + "-load",
                  LoadReader.prefix(service),
                  2,
                  loads::read,
                  hears(tracker::loaded, tracker::loadedUnchanged, tracker::loadFailed)),
              keys(
                  service + "-orders",
                  OrderReader.prefix(service),
                  ORDERS_BURST,
                  orders::read,
                  hears(tracker::ordered, tracker::orderedUnchanged, tracker::ordersFailed)));
      queries.forEach(BlockingQuery::start);
    }

    @Override
    public Fleet current() {
      return tracker.current();
    }

    @Override
    public void close() {
      open.remove(this);
      queries.forEach(BlockingQuery::close);
      tracker.close();
    }
  }

  /** A query for all keys below a prefix, paced in the long run. */
  private <T> BlockingQuery<T> keys(
      String name,
      String prefix,
      int burst,
      ConsulConnection.Reader<T> reader,
      BlockingQuery.Listener<T> listener) {
    return new BlockingQuery<>(
        name,
        settings,
        new Pacing(settings.loadPacing(), burst, System.nanoTime()),
        (consul, options) -> consul.keyValueClient().getConsulResponseWithValues(prefix, options),
        reader,
        listener);
  }

  private static <T> BlockingQuery.Listener<T> hears(
      Consumer<T> answered, Runnable unchanged, Consumer<String> failed) {
    return new BlockingQuery.Listener<>() {
      @Override
      public void answered(T body) {
        answered.accept(body);
      }

      @Override
      public void unchanged() {
        unchanged.run();
      }

      @Override
      public void failed(String why) {
        failed.accept(why);
      }
    };
  }
}
