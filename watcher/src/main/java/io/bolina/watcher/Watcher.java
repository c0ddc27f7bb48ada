package io.bolina.watcher;

import io.bolina.registry.Registry;
import io.bolina.registry.model.Source;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.PageAnswer;
import io.bolina.runtime.http.PageKind;
import io.bolina.runtime.http.PagesServer;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Watcher: observes the fleet and the workload, plans, and acts while it is the leader. {@link
 * ScalingLoop} is its thread, {@link ScalingRounds} what is done in it.
 */
public final class Watcher implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Watcher.class);

  private final WatcherConfig config;
  private final Leadership leadership;
  private final Telemetry telemetry;
  private final WatcherStatus status = new WatcherStatus();
  private final LoopProgress progress;
  private final Registry.Watch watch;
  private final ScalingLoop loop;
  private final GoneLoop gone;
  private final PagesServer pages;
  private volatile boolean closed;

  private Watcher(
      WatcherConfig config,
      Registry registry,
      RegistryWriters writers,
      Workload workload,
      Leadership leadership,
      Telemetry telemetry,
      Thread.UncaughtExceptionHandler onError) {
    this.config = config;
    this.leadership = leadership;
    this.telemetry = telemetry;
    this.progress = new LoopProgress(telemetry.clock(), config.interval());
    FleetChanges changes = new FleetChanges(config.settings().overloadedAt());
    this.watch = registry.watch(config.service(), Optional.empty(), changes);
    EventRecorder events =
        new EventRecorder(
            workload, telemetry.meters(), () -> mayAct() && !config.dryRun(), progress::made);
    PendingOrders pending = new PendingOrders(telemetry.clock());
    StepExecutor executor =
        new StepExecutor(
            config.service(),
            writers.drainOrders(),
            workload,
            this::mayAct,
            pending,
            events,
            progress);
    this.gone =
        new GoneLoop(
            config.service(),
            config.settings().author(),
            watch,
            workload,
            writers.goneReports(),
            writers.catalog(),
            () -> mayAct() && !config.dryRun(),
            telemetry);
    ScalingRounds rounds =
        new ScalingRounds(
            config,
            watch,
            workload,
            leadership,
            pending,
            executor,
            events,
            status,
            progress,
            telemetry.clock());
    this.loop = new ScalingLoop(rounds, changes, progress, config.interval(), onError);
    WatcherMetrics.register(telemetry.meters(), status, leadership, progress);
    this.pages =
        new PagesServer(
                "Bolina watcher",
                new HostPort(config.listenHost(), config.listenPort()),
                "admin",
                telemetry)
            .access(config.access().on(config.listenHost()))
            .probe(
                "/healthz",
                "200 while the scaling loop makes progress, leader or not",
                progress::hung)
            .probe(
                "/readyz",
                "200 while the registry and the workload can be read (a standby reads the registry)",
                this::whyNotReady)
            .get(
                "/explain",
                PageKind.LARGE,
                "the current plan, for people",
                request -> PageAnswer.text(explain()))
            .metrics();
  }

  /**
   * Starts a Watcher: wires it, opens its port, stands for election, begins the loop. An {@link
   * Error} in the loop ends the process.
   *
   * @throws IOException if its admin address cannot be listened on
   */
  public static Watcher start(
      WatcherConfig config,
      Registry registry,
      RegistryWriters writers,
      Workload workload,
      Leadership leadership,
      Telemetry telemetry)
      throws IOException {
    return start(config, registry, writers, workload, leadership, telemetry, new ExitOnError());
  }

  /**
   * The same.
   *
   * @param onError is called when the loop's thread dies
   */
  static Watcher start(
      WatcherConfig config,
      Registry registry,
      RegistryWriters writers,
      Workload workload,
      Leadership leadership,
      Telemetry telemetry,
      Thread.UncaughtExceptionHandler onError)
      throws IOException {
    Watcher watcher =
        new Watcher(config, registry, writers, workload, leadership, telemetry, onError);
    try {
      watcher.pages.start();
    } catch (IOException e) {
      watcher.watch.close();
      throw e;
    }
    leadership.stand(watcher.progress::hung);
    watcher.loop.start();
    watcher.gone.start();
    log.atInfo()
        .addKeyValue("service", config.service())
        .addKeyValue("admin", watcher.pages.address().toString())
        .addKeyValue("dryRun", config.dryRun())
        .log("watcher started");
    return watcher;
  }

  private Optional<String> whyNotReady() {
    Source health = watch.current().health();
    if (health.error().isPresent() || health.lastUpdate().isEmpty()) {
      return Optional.of(
          "registry unavailable: " + health.error().orElse("waiting for the first answer"));
    }
    return status.fault();
  }

  private boolean mayAct() {
    return !closed && leadership.leading();
  }

  /** The port of the admin pages. */
  public int port() {
    return pages.address().port();
  }

  /** The current plan, for people. */
  public String explain() {
    if (!leadership.leading()) {
      String leader = leadership.leader();
      return "standby; " + (leader.isEmpty() ? "there is no leader" : "leader is " + leader) + "\n";
    }
    String fault = status.fault().map(why -> Explanation.SUSPENDED + why + "\n\n").orElse("");
    return fault
        + status
            .plan()
            .map(
                plan ->
                    Explanation.of(
                        plan,
                        config.settings().author(),
                        config.service(),
                        config.dryRun() ? "dry run; nothing is changed" : "leader",
                        telemetry.clock().instant()))
            .orElse("no plan yet\n");
  }

  /**
   * Stops, leaving everything as it is: servers that drain go on draining until another Watcher
   * comes.
   */
  @Override
  public void close() {
    closed = true;
    loop.close();
    gone.close();
    watch.close();
    leadership.close();
    pages.close();
  }
}
