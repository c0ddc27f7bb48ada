package io.bolina.controlplane.peers;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Watches whether this replica sees the registry, and has its Envoys served or refused. */
public final class SightMonitor implements AutoCloseable {
  /** The page on which a replica says whether it sees the registry. */
  public static final String PAGE = "/registry";

  public static final Setting<Duration> BLIND_AFTER =
      Setting.of("blind-after", SettingType.time("0s", "1h"))
          .standard("2s")
          .help(
              "How long Consul may not answer until Envoys are given up to a replica that sees it. Nothing happens while no replica does.");

  public static final Setting<HostPort> PEERS =
      Setting.of("peers", SettingType.hostPort())
          .repeatable()
          .help(
              "Admin addresses of the other replicas, or a name that stands for all; this one may be among them. Asked whether they see Consul while this one does not. Without it, Envoys are given up once in an outage, for 10 s. Repeatable.");

  private static final Logger log = LoggerFactory.getLogger(SightMonitor.class);

  /**
   * Within this a Consul agent that hangs is found out, and a replica that is busy has answered.
   */
  private static final Duration DOUBT = Duration.ofSeconds(5);

  private static final Duration REFUSAL = Duration.ofSeconds(10);
  private static final long INTERVAL_MILLIS = 500;

  private final BlindRule rule;
  private final Peers peers;
  private final Clock clock;
  private final BooleanSupplier ready;
  private final BooleanSupplier sees;
  private final Supplier<Duration> silence;
  private final Consumer<Optional<String>> refuse;
  private final Runnable seenAgain;
  private final ScheduledExecutorService thread;

  /** Of the monitor's thread; others only read it. */
  private volatile Standing standing = Standing.SEES;

  /** Nothing was seen before the first answer. */
  private volatile Optional<Instant> blindSince;

  /** The last reason that was logged. */
  private String said = "";

  /**
   * @param ready whether there is anything to serve
   * @param sees whether the registry answers for any service
   * @param silence how long ago the registry last answered anything
   * @param seenAgain is run when the registry is seen after it was not
   * @param refuse is told why Envoys are to be refused, or that they are not
   */
  public SightMonitor(
      List<HostPort> peers,
      Duration blindAfter,
      Telemetry telemetry,
      BooleanSupplier ready,
      BooleanSupplier sees,
      Supplier<Duration> silence,
      Consumer<Optional<String>> refuse,
      Runnable seenAgain) {
    this.rule = new BlindRule(blindAfter, DOUBT, REFUSAL);
    this.peers = new Peers(peers);
    this.clock = telemetry.clock();
    this.ready = ready;
    this.sees = sees;
    this.silence = silence;
    this.refuse = refuse;
    this.seenAgain = seenAgain;
    this.blindSince = Optional.of(clock.instant());
    this.thread =
        Executors.newSingleThreadScheduledExecutor(
            task -> {
              Thread t = new Thread(task, "sight");
              t.setDaemon(true);
              return t;
            });
    telemetry.meters().gauge("bolina.registry.blind", this, m -> m.blindSince.isPresent() ? 1 : 0);
    telemetry.meters().gauge("bolina.xds.refusing", this, m -> m.standing.refuses() ? 1 : 0);
  }

  public void start() {
    var looks =
        thread.scheduleWithFixedDelay(
            this::look, INTERVAL_MILLIS, INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
    log.trace("{}", looks);
  }

  /** What this replica answers when another asks whether it sees the registry. */
  public String answer() {
    return peers.answer(sees.getAsBoolean(), silence.get());
  }

  /** Why Envoys are refused; empty while they are not. */
  public Optional<String> whyRefusing() {
    return standing.refuses() ? Optional.of(standing.reason()) : Optional.empty();
  }

  private void look() {
    try {
      Instant now = clock.instant();
      boolean wasBlind = blindSince.isPresent();
      blindSince = sees.getAsBoolean() ? Optional.empty() : blindSince.or(() -> Optional.of(now));
      Optional<Duration> blindFor = blindSince.map(at -> Duration.between(at, now));
      boolean serves = ready.getAsBoolean();
      become(rule.next(standing, blindFor, views(blindFor, serves), now), blindFor, serves);
      if (wasBlind && blindSince.isEmpty()) {
        seenAgain.run();
      }
    } catch (RuntimeException | Error e) { // a thread that ended would not be missed
      log.atError().setCause(e).log("unexpected error; looking at the registry again");
    }
  }

  private List<PeerView> views(Optional<Duration> blindFor, boolean serves) {
    if (!rule.isBlind(blindFor)) {
      return List.of();
    }
    List<PeerView> views = peers.ask(blindFor.orElseThrow());
    // One that starts has nothing to give up, unless to one that it knows to be better.
    return serves || views.contains(PeerView.SEES) ? views : List.of(PeerView.BLIND);
  }

  private void become(Standing next, Optional<Duration> blindFor, boolean serves) {
    Standing last = standing;
    standing = next;
    if (next.refuses() != last.refuses()) {
      refuse.accept(whyRefusing());
    }
    // /readyz says of one that starts what it waits for.
    if (next.reason().equals(said) || !serves) {
      return;
    }
    said = next.reason();
    if (blindFor.isEmpty()) {
      log.atInfo().log("registry seen again; serving Envoys");
    } else {
      log.atWarn()
          .addKeyValue("reason", next.reason())
          .addKeyValue("seconds", blindFor.get().toSeconds())
          .log(
              next.refuses()
                  ? "registry not seen; Envoys given up"
                  : "registry not seen; Envoys kept");
    }
  }

  @Override
  public void close() {
    thread.shutdownNow();
  }
}
