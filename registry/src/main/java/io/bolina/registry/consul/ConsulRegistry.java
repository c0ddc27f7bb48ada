package io.bolina.registry.consul;

import io.bolina.registry.Fleet;
import io.bolina.registry.FleetSettings;
import io.bolina.registry.FleetTracker;
import io.bolina.registry.LastKnown;
import io.bolina.registry.LoadReport;
import io.bolina.registry.Registry;
import io.bolina.registry.Sighting;
import io.bolina.registry.Warnings;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Consul as the registry: for every watched service one blocking query for its health and one for
 * its load prefix, each on its own connection and thread, so that neither waits for the other.
 */
public final class ConsulRegistry implements Registry {
  private final ConsulSettings settings;
  private final FleetSettings fleetSettings;
  private final Warnings warnings;
  private final Clock clock;
  private final Set<Watch> open = ConcurrentHashMap.newKeySet();

  public ConsulRegistry(
      ConsulSettings settings, FleetSettings fleetSettings, Warnings warnings, Clock clock) {
    this.settings = settings;
    this.fleetSettings = fleetSettings;
    this.warnings = warnings;
    this.clock = clock;
  }

  @Override
  public Watch watch(String service, Optional<LastKnown> lastKnown, Listener listener) {
    Watch watch = new ConsulWatch(service, lastKnown, listener);
    open.add(watch);
    return watch;
  }

  @Override
  public void close() {
    open.forEach(Watch::close);
  }

  private final class ConsulWatch implements Watch {
    private final FleetTracker tracker;
    private final BlockingQuery<Sighting> health;
    private final BlockingQuery<Map<String, LoadReport>> load;

    private ConsulWatch(String service, Optional<LastKnown> lastKnown, Listener listener) {
      tracker = new FleetTracker(service, lastKnown, fleetSettings, clock, warnings, listener);
      InstanceReader instances = new InstanceReader(service, warnings);
      LoadReader loads = new LoadReader(service, warnings);
      health =
          new BlockingQuery<>(
              service + "-health",
              settings,
              new Pacing(Duration.ofMillis(50), 10, System.nanoTime()),
              (consul, options) -> consul.healthClient().getAllServiceInstances(service, options),
              instances::read,
              new BlockingQuery.Listener<Sighting>() {
                @Override
                public void answered(Sighting sighting) {
                  tracker.seen(sighting);
                }

                @Override
                public void unchanged() {
                  tracker.seenUnchanged();
                }

                @Override
                public void failed(String why) {
                  tracker.healthFailed(why);
                }
              });
      load =
          new BlockingQuery<>(
              service + "-load",
              settings,
              new Pacing(settings.loadPacing(), 2, System.nanoTime()),
              (consul, options) ->
                  consul
                      .keyValueClient()
                      .getConsulResponseWithValues(LoadReader.prefix(service), options),
              loads::read,
              new BlockingQuery.Listener<Map<String, LoadReport>>() {
                @Override
                public void answered(Map<String, LoadReport> reports) {
                  tracker.loaded(reports);
                }

                @Override
                public void unchanged() {
                  tracker.loadedUnchanged();
                }

                @Override
                public void failed(String why) {
                  tracker.loadFailed(why);
                }
              });
      health.start();
      load.start();
    }

    @Override
    public Fleet current() {
      return tracker.current();
    }

    @Override
    public void close() {
      open.remove(this);
      health.close();
      load.close();
      tracker.close();
    }
  }
}
