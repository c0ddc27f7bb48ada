package io.bolina.controlplane.stream;

import io.bolina.controlplane.identity.PeerCheck;
import io.bolina.controlplane.identity.ServerCertificates;
import io.bolina.controlplane.identity.XdsAccess;
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
  private final XdsAccess access;
  private final Optional<ServerCertificates> certificates;
  private final CollectionLogs logs = new CollectionLogs();
  private final EnvoyStreams streams;
  private final ConnectionMonitor monitor;
  private final Server server;

  /** The second port, without TLS. */
  private final Optional<Server> plain;

  private volatile HostPort address;

  /**
   * @param access where, and who
   * @param limits on those who connect
   * @param gateExpected whether an Envoy without the gate deserves a warning
   * @param leds whether Envoys that can get the servers by LEDS
   * @param noEnvoyWarning for how long no Envoy may be connected before it is worth a warning
   * @param seesRegistry whether what is served is what the registry has now; while it is not, an
   *     Envoy that comes with a configuration keeps that
   */
  public XdsServer(
      XdsAccess access,
      XdsLimits limits,
      Telemetry telemetry,
      boolean gateExpected,
      boolean leds,
      Duration noEnvoyWarning,
      BooleanSupplier seesRegistry) {
    this.access = access;
    this.address = access.listen();
    LimitLog limitLog = new LimitLog(telemetry);
    DirectMemory.measure(telemetry.meters());
    Connections connections = new Connections(limits, limitLog, telemetry);
    this.streams =
        new EnvoyStreams(telemetry, limits, limitLog, connections, gateExpected, seesRegistry);
    this.monitor = new ConnectionMonitor(streams, noEnvoyWarning, telemetry);
    this.certificates = access.tls().map(files -> new ServerCertificates(files, telemetry));
    PeerCheck check = new PeerCheck(access, telemetry.warnings());
    XdsTransport transport =
        new XdsTransport(limits, connections, new XdsMethods(streams, logs, leds, check));
    this.server =
        certificates
            .map(files -> transport.tls(access.listen(), files::context))
            .orElseGet(() -> transport.plain(access.listen()));
    this.plain = access.plain().map(transport::plain);
  }

  /**
   * Opens the port, or both.
   *
   * @throws ListenFailed if an address cannot be listened on
   * @throws IOException if the certificates cannot be used
   */
  public void start() throws IOException {
    if (certificates.isPresent()) {
      certificates.get().open();
    }
    start(server, access.listen(), XdsAccess.XDS.key());
    if (plain.isPresent()) {
      start(plain.get(), access.plain().orElseThrow(), XdsAccess.PLAIN.key());
    }
    address = new HostPort(access.listen().host(), server.getPort());
    monitor.start(address);
  }

  private static void start(Server server, HostPort at, String setting) throws ListenFailed {
    try {
      server.start();
    } catch (IOException | RuntimeException e) {
      throw ListenFailed.on(at, setting, e);
    }
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
    Optional<String> exhausted = DirectMemory.exhausted();
    if (exhausted.isPresent()) {
      return exhausted;
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
    certificates.ifPresent(ServerCertificates::close);
    close(server);
    plain.ifPresent(XdsServer::close);
  }

  private static void close(Server server) {
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
