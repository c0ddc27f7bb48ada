package io.bolina.agent;

import io.bolina.agent.probe.CpuLoad;
import io.bolina.agent.probe.LoadCommand;
import io.bolina.agent.probe.Probe;
import io.bolina.agent.probe.ProcessAlive;
import io.bolina.agent.probe.UdpEcho;
import io.bolina.registry.ServerToken;
import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.IpAddress;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.Server;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An agent's configuration apart from its registry's.
 *
 * @param server the server that it registers
 * @param listenHost where the server reports to and operators ask; loopback, or a container's own
 *     address
 * @param listenPort a TCP port; 0 lets the system choose
 * @param timeToLive after how long without a write of the agent Consul turns the server critical.
 *     Default 15 s; health is written three times as often
 * @param deadlines by when the server must report, and its health if it does not
 * @param loadWrites when a load is worth a write
 * @param drain how long sessions may take to end
 * @param probes what checks a server that does not report; a report of the server's own takes
 *     precedence over their results
 * @param access its socket, and who may report and drain
 */
public record AgentConfig(
    Server server,
    String listenHost,
    int listenPort,
    Duration timeToLive,
    ReportDeadlines deadlines,
    LoadWritePolicy loadWrites,
    DrainPolicy drain,
    List<Probe> probes,
    AgentAccess access) {

  public static final Setting<String> ID =
      Setting.of("id", SettingType.text("ID").map(AgentConfig::id))
          .required()
          .help("The server's id, unique in the service. On Kubernetes: the pod's name.");

  public static final Setting<String> ADDRESS =
      Setting.of("address", SettingType.ipAddress().map(AgentConfig::address))
          .required()
          .help("The server's address, as Envoys reach it. On Kubernetes: the pod's IP.");

  public static final Setting<Integer> PORT =
      Setting.of("port", SettingType.whole("PORT", 1, 65_535))
          .required()
          .help("The server's UDP port.");

  public static final Setting<String> ZONE =
      Setting.of("zone", SettingType.of("ZONE", text -> text))
          .standard("")
          .help("The server's zone; shown on /fleet.");

  public static final Setting<Map.Entry<String, String>> META =
      Setting.of("meta", SettingType.pair())
          .repeatable()
          .help("Further metadata of the server in Consul. Repeatable.");

  public static final Setting<HostPort> LISTEN =
      Setting.of("listen", SettingType.listenAddress())
          .standard("127.0.0.1:7070")
          .help("Where the server reports to; each agent of a host needs its own.");

  public static final Setting<Path> TOKEN_FILE =
      Setting.of("token-file", SettingType.path("FILE"))
          .help(
              "Write the server's token into this file at start, as BOLINA_TOKEN=HEX: for the environment of the server (docs/tokens.md).");

  public static final Setting<Duration> TTL =
      Setting.of("ttl", SettingType.time("1s", "24h"))
          .standard("15s")
          .help("How long after the agent's last update Consul takes the server for critical.");

  public static final Setting<Duration> SILENCE_WARNING =
      Setting.of("silence-warning", SettingType.time())
          .standard("10s")
          .help("How long without a report of the server until it is in warning.");

  public static final Setting<Duration> SILENCE_CRITICAL =
      Setting.of("silence-critical", SettingType.time())
          .standard("30s")
          .help("How long without a report of the server until it is critical.");

  public static final Setting<Health> AT_START =
      Setting.of("at-start", SettingType.choice("HEALTH", Health.class))
          .standard("passing")
          .help(
              "The server's health until its first report: passing, so that a restart of the agent changes nothing, or critical, where agent and server start together as in a pod.");

  public static final Setting<Double> LOAD_DEAD_BAND =
      Setting.of(
              "load-dead-band", SettingType.decimal("SHARE", SettingType.Bounds.from(0).below(1)))
          .standard("0.05")
          .help("How far the load must move to be written to Consul.");

  public static final Setting<Duration> LOAD_INTERVAL =
      Setting.of("load-interval", SettingType.time())
          .standard("5s")
          .help("The least time between two writes of the load.");

  public static final Setting<Duration> SHUTDOWN_TIME =
      Setting.of("shutdown-time", SettingType.time("1s", "24h"))
          .help(
              "How long after SIGTERM the agent is killed, if sooner than drain-time: it drains within that, and deregisters before.");

  public static final Setting<String> PROBE_UDP =
      Setting.of("probe-udp", SettingType.text("PAYLOAD[=EXPECTED]"))
          .help(
              "For a server that does not report: send it this datagram every 2 s; it is passing if an answer contains EXPECTED.");

  public static final Setting<Path> PROBE_PID_FILE =
      Setting.of("probe-pid-file", SettingType.path("FILE"))
          .help(
              "For a server that does not report: it is passing while the process whose id is in this file exists.");

  public static final Setting<Path> PROBE_CGROUP =
      Setting.of("probe-cgroup", SettingType.path("DIR").map(AgentConfig::cgroup))
          .help(
              "For a server that does not report: its load is the CPU share used in this cgroup (v2), in a container /sys/fs/cgroup.");

  public static final Setting<String> LOAD_COMMAND =
      Setting.of("load-command", SettingType.text("COMMAND"))
          .help(
              "For a server that does not report: its load is the number that this command prints.");

  /** Apart from how to reach Consul. */
  public static final List<Setting<?>> SETTINGS =
      List.of(
          Server.SERVICE,
          ID,
          ADDRESS,
          PORT,
          ZONE,
          META,
          LISTEN,
          AgentAccess.SOCKET,
          AgentAccess.TOKEN_FILE,
          AgentAccess.NAME,
          TOKEN_FILE,
          TTL,
          SILENCE_WARNING,
          SILENCE_CRITICAL,
          AT_START,
          LOAD_DEAD_BAND,
          LOAD_INTERVAL,
          LoadThresholds.OVERLOADED_AT,
          LoadThresholds.WEIGHT_STEPS,
          DrainOrder.DRAIN_TIME,
          SHUTDOWN_TIME,
          PROBE_UDP,
          PROBE_PID_FILE,
          PROBE_CGROUP,
          LOAD_COMMAND);

  private static final Duration PROBE_TIMEOUT = Duration.ofSeconds(1);

  /**
   * Of their settings.
   *
   * @throws IllegalArgumentException naming the setting that is wrong
   */
  public static AgentConfig of(SettingSource source) {
    Map<String, String> metadata = new LinkedHashMap<>();
    source.all(META).forEach(pair -> metadata.put(pair.getKey(), pair.getValue()));
    ServerToken.unusable(metadata)
        .ifPresent(
            token -> {
              throw new IllegalArgumentException(
                  "meta: "
                      + ServerToken.METADATA
                      + " '"
                      + token
                      + "' is not 1 to 16 bytes in hexadecimal, or all zero");
            });
    Server server =
        new Server(
            source.get(ID),
            source.get(Server.SERVICE),
            source.get(ADDRESS),
            source.get(PORT),
            source.get(ZONE),
            metadata);
    return of(server, source);
  }

  private static AgentConfig of(Server server, SettingSource source) {
    HostPort listen = source.get(LISTEN);
    return new AgentConfig(
        server,
        listen.host(),
        listen.port(),
        source.get(TTL),
        new ReportDeadlines(
            source.get(SILENCE_WARNING), source.get(SILENCE_CRITICAL), source.get(AT_START)),
        new LoadWritePolicy(
            source.get(LOAD_DEAD_BAND), source.get(LOAD_INTERVAL), LoadThresholds.of(source)),
        new DrainPolicy(source.get(DrainOrder.DRAIN_TIME), source.find(SHUTDOWN_TIME)),
        probes(server, source),
        AgentAccess.of(source));
  }

  private static String id(String text) {
    if (!Server.isId(text)) {
      throw new IllegalArgumentException("is longer than " + Server.LONGEST_ID + " characters");
    }
    return text;
  }

  private static String address(String text) {
    return IpAddress.usable(text)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "'" + text + "' is not an IP address that Envoy could send to"));
  }

  /** A cgroup of version 2, which counts CPU time. */
  private static Path cgroup(Path directory) {
    // systemd removes a unit's when it has ended; its agent may be restarted just then.
    Path parent = directory.toAbsolutePath().normalize().getParent();
    boolean removed =
        Files.notExists(directory)
            && parent != null
            && Files.isReadable(parent.resolve("cgroup.procs"));
    if (!removed && !Files.isReadable(directory.resolve("cpu.stat"))) {
      throw new IllegalArgumentException(
          "'" + directory + "' is not a cgroup (v2): it has no readable cpu.stat");
    }
    return directory;
  }

  private static List<Probe> probes(Server server, SettingSource source) {
    List<Probe> probes = new ArrayList<>();
    source
        .find(PROBE_UDP)
        .ifPresent(
            probe -> {
              int equals = probe.indexOf('=');
              probes.add(
                  new UdpEcho(
                      new InetSocketAddress(server.address(), server.port()),
                      equals < 0 ? probe : probe.substring(0, equals),
                      equals < 0 ? "" : probe.substring(equals + 1),
                      PROBE_TIMEOUT));
            });
    source.find(PROBE_PID_FILE).ifPresent(file -> probes.add(new ProcessAlive(file)));
    source.find(PROBE_CGROUP).ifPresent(cgroup -> probes.add(new CpuLoad(cgroup)));
    source
        .find(LOAD_COMMAND)
        .ifPresent(command -> probes.add(new LoadCommand(command, PROBE_TIMEOUT)));
    return probes;
  }

  /** Everything by default, for a server. */
  public static AgentConfig of(Server server) {
    return of(server, SettingMap.DEFAULTS);
  }

  /** With a Unix socket, and others who may report and drain. */
  public AgentConfig withAccess(AgentAccess newAccess) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        deadlines,
        loadWrites,
        drain,
        probes,
        newAccess);
  }

  public AgentConfig withListen(String host, int port) {
    return new AgentConfig(
        server, host, port, timeToLive, deadlines, loadWrites, drain, probes, access);
  }

  public AgentConfig withTimeToLive(Duration newTimeToLive) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        newTimeToLive,
        deadlines,
        loadWrites,
        drain,
        probes,
        access);
  }

  /** With other times after which a server that does not report is in warning and critical. */
  public AgentConfig withReportDeadlines(Duration warningAfter, Duration criticalAfter) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        new ReportDeadlines(warningAfter, criticalAfter, deadlines.atStart()),
        loadWrites,
        drain,
        probes,
        access);
  }

  /** With another health until the server's first report. */
  public AgentConfig withHealthAtStart(Health health) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        new ReportDeadlines(deadlines.warningAfter(), deadlines.criticalAfter(), health),
        loadWrites,
        drain,
        probes,
        access);
  }

  /** With another dead band and interval of the load. */
  public AgentConfig withLoadWrites(double deadBand, Duration interval) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        deadlines,
        new LoadWritePolicy(deadBand, interval, loadWrites.thresholds()),
        drain,
        probes,
        access);
  }

  /** With other loads at which a server is overloaded and its weight changes. */
  public AgentConfig withThresholds(LoadThresholds thresholds) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        deadlines,
        new LoadWritePolicy(loadWrites.deadBand(), loadWrites.interval(), thresholds),
        drain,
        probes,
        access);
  }

  public AgentConfig withProbes(List<Probe> newProbes) {
    return new AgentConfig(
        server,
        listenHost,
        listenPort,
        timeToLive,
        deadlines,
        loadWrites,
        drain,
        newProbes,
        access);
  }
}
