package io.bolina.controlplane.stream;

import io.bolina.controlplane.limits.LimitLog;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.served.Editions;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.ListenFailed;
import io.bolina.runtime.Telemetry;
import io.grpc.Server;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Streams what is served to every Envoy that connects. The port opens with {@link #start}. */
public final class XdsServer implements AutoCloseable {
  private static final String SETTING = "xds";

  private final HostPort listen;
  private final CollectionLogs logs = new CollectionLogs();
  private final EnvoyStreams streams;
  private final ConnectionMonitor monitor;
  private final Server server;
  private volatile HostPort address;

  /**
   * @param limits on those who connect
   * @param gateExpected whether an Envoy without the gate deserves a warning
   * @param leds whether Envoys that can get the servers by LEDS
   * @param noEnvoyWarning for how long no Envoy may be connected before it is worth a warning
   * @param seesRegistry whether what is served is what the registry has now; while it is not, an
   *     Envoy that comes with a configuration keeps that
   */
  public XdsServer(
      HostPort listen,
      XdsLimits limits,
      Telemetry telemetry,
      boolean gateExpected,
      boolean leds,
      Duration noEnvoyWarning,
      BooleanSupplier seesRegistry) {
    this.listen = listen;
    this.address = listen;
    LimitLog limitLog = new LimitLog(telemetry);
    Connections connections = new Connections(limits, limitLog, telemetry);
    this.streams =
        new EnvoyStreams(telemetry, limits, limitLog, connections, gateExpected, seesRegistry);
    this.monitor = new ConnectionMonitor(streams, noEnvoyWarning, telemetry);
    this.server =
        new XdsTransport(limits, connections, new XdsMethods(streams, logs, leds)).plain(listen);
  }

  /**
   * Opens the port.
   *
   * @throws ListenFailed if the address cannot be listened on
   */
  public void start() throws ListenFailed {
    try {
      server.start();
    } catch (IOException | RuntimeException e) {
      throw ListenFailed.on(listen, SETTING, e);
    }
    address = new HostPort(listen.host(), server.getPort());
    monitor.start(address);
  }

  /** Serves something new to every stream. */
  public void serve(Editions now) {
    // Of the two kinds of Envoys that choose servers; the gate alone makes no difference.
    logs.serve(now.plain());
    logs.serve(now.tokens());
    streams.serve(now);
  }

  /**
   * From now on streams are closed, and new ones at once, so that the Envoys go to another replica;
   * or no longer.
   *
   * @param why in words; empty if streams are served again
   */
  public void refuse(Optional<String> why) {
    streams.refuse(why);
  }

  /** Offers what is served to everybody once more: the registry is seen again. */
  public void offerToAll() {
    streams.offerToAll();
  }

  /** Looks at once at who is connected. */
  void checkConnections() {
    monitor.check(address);
  }

  /** Why no further Envoy could be served; empty if one could. */
  public Optional<String> full() {
    if (server.isTerminated()) {
      return Optional.of("the xds port is closed");
    }
    return streams.full()
        ? Optional.of("there are as many xds streams as may be")
        : Optional.empty();
  }

  /** The streams that are open now. */
  public List<EnvoyStatus> envoys() {
    return streams.statuses();
  }

  /** Where it listens; after {@link #start}, with the port that the system chose if it was 0. */
  public HostPort address() {
    return address;
  }

  /** Closes all streams; the Envoys go on with what they have and connect to another replica. */
  @Override
  public void close() {
    monitor.close();
    streams.close();
    server.shutdown();
    server.shutdownNow();
    try {
      if (!server.awaitTermination(5, TimeUnit.SECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
