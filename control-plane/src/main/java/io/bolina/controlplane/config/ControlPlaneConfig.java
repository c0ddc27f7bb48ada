package io.bolina.controlplane.config;

import static io.bolina.runtime.setting.Setting.concat;

import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.gate.GateRulesReader;
import io.bolina.controlplane.identity.XdsAccess;
import io.bolina.controlplane.limits.XdsLimits;
import io.bolina.controlplane.peers.SightMonitor;
import io.bolina.controlplane.resources.ActiveHealthCheck;
import io.bolina.controlplane.resources.ClientHash;
import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.controlplane.state.StateFile;
import io.bolina.registry.consul.ConsulOptions;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.http.AdminAccess;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A control plane's configuration apart from its registry's.
 *
 * @param services the services to serve, each with its own listener
 * @param settings the settings that belong to no part of it
 */
public record ControlPlaneConfig(
    List<UdpService> services,
    FleetSettings fleet,
    AdmissionSettings admission,
    ProxySettings proxy,
    SettingMap settings) {

  public static final Setting<HostPort> XDS = XdsAccess.XDS;

  public static final Setting<HostPort> ADMIN =
      Setting.of("admin", SettingType.listenAddress())
          .standard("127.0.0.1:18080")
          .help("Where /healthz, /readyz, /metrics and /fleet are.");

  public static final Setting<Path> STATE_DIR =
      Setting.of("state-dir", SettingType.path("DIR"))
          .help(
              "Where the last good fleet is kept, so that a restart serves the same even while Consul is down. Without it, a restart waits for Consul.");

  public static final Setting<Duration> COALESCE =
      Setting.of("coalesce", SettingType.time("0ms", "10s"))
          .standard("50ms")
          .help(
              "For how long changes that follow one another are gathered. The first is sent at once; closing a server waits for no other change.");

  public static final Setting<EndpointDelivery> ENDPOINT_DELIVERY =
      Setting.of("endpoint-delivery", SettingType.choice("HOW", EndpointDelivery.class))
          .standard("leds")
          .help(
              "How Envoys get endpoints: leds sends single endpoints to those on incremental ADS, as Bolina's bootstrap sets up, and full lists to others; eds sends full lists to every Envoy (docs/leds.md).");

  public static final Setting<Path> GATE_RULES =
      Setting.of("gate-rules", SettingType.readableFile())
          .help(
              "YAML file with the gate's rules for datagrams, by service (docs/gate.md). Read again whenever it changes.");

  public static final Setting<Duration> NO_ENVOY_WARNING =
      Setting.of("no-envoy-warning", SettingType.time("1s", "24h"))
          .standard("1m")
          .help("How long no Envoy may be connected until that is a warning in the log.");

  /** All that a control plane on Consul needs, in the order of help and documents. */
  public static final List<Setting<?>> SETTINGS =
      concat(
          ConsulOptions.TO_REACH,
          ConsulOptions.TO_WATCH,
          List.of(
              UdpService.SERVICE,
              UdpService.HASH,
              UdpService.ROUTE_EACH_DATAGRAM,
              UdpService.PREFER_GRO,
              UdpService.HEALTH_CHECK),
          XdsAccess.SETTINGS,
          List.of(
              ADMIN,
              AdminAccess.TOKEN_FILE,
              AdminAccess.NAME,
              STATE_DIR,
              FleetSettings.LINGER,
              FleetSettings.GONE_AFTER,
              FleetSettings.HOLD_LIMIT,
              LoadThresholds.OVERLOADED_AT,
              LoadThresholds.WEIGHT_STEPS,
              AdmissionSettings.WARNING_SHARE,
              ProxySettings.SESSION_IDLE_TIMEOUT,
              ProxySettings.MAX_DATAGRAM_SIZE,
              ProxySettings.MAX_SESSIONS,
              COALESCE,
              ENDPOINT_DELIVERY,
              GATE_RULES,
              NO_ENVOY_WARNING,
              SightMonitor.PEERS,
              SightMonitor.BLIND_AFTER),
          XdsLimits.SETTINGS);

  /** Everything by default, for some services. */
  public static ControlPlaneConfig of(List<UdpService> services) {
    return of(services, SettingMap.DEFAULTS);
  }

  private static ControlPlaneConfig of(List<UdpService> services, SettingSource source) {
    ProxySettings proxy = ProxySettings.of(source);
    return new ControlPlaneConfig(
        services,
        FleetSettings.of(source, proxy.sessionIdleTimeout()),
        AdmissionSettings.of(source),
        proxy,
        source instanceof SettingValues values ? values.toMap() : SettingMap.DEFAULTS);
  }

  /** Reads and checks the values of {@link #SETTINGS}. */
  public static ControlPlaneConfig of(SettingValues values) {
    values.made(() -> checkAddresses(values));
    values.made(() -> checkServices(values));
    values.made(() -> checkAccess(values));
    values.made(() -> checkOptions(values, UdpService.HASH));
    values.made(() -> checkOptions(values, UdpService.HEALTH_CHECK));
    values.made(() -> checkOptions(values, UdpService.ROUTE_EACH_DATAGRAM));
    values.made(() -> checkOptions(values, UdpService.PREFER_GRO));
    values.made(() -> checkGateRules(values));
    values.made(() -> checkLinger(values));
    values.made(() -> checkStateDir(values));
    return of(services(values), values);
  }

  /** Each service with the options that name it. */
  private static List<UdpService> services(SettingValues values) {
    Map<String, ClientHash> hashes = byService(values, UdpService.HASH);
    Map<String, ActiveHealthCheck> checks = byService(values, UdpService.HEALTH_CHECK);
    Map<String, Boolean> each = byService(values, UdpService.ROUTE_EACH_DATAGRAM);
    Map<String, Boolean> gro = byService(values, UdpService.PREFER_GRO);
    List<UdpService> services = new ArrayList<>();
    for (UdpService service : values.all(UdpService.SERVICE)) {
      UdpService whole = service;
      if (hashes.containsKey(service.name())) {
        whole = whole.with(hashes.get(service.name()));
      }
      if (checks.containsKey(service.name())) {
        whole = whole.with(checks.get(service.name()));
      }
      if (gro.containsKey(service.name())) {
        whole = whole.withPreferGro(gro.get(service.name()));
      }
      services.add(whole.withRouteEachDatagram(each.getOrDefault(service.name(), false)));
    }
    return services;
  }

  private static <T> Map<String, T> byService(
      SettingValues values, Setting<Map.Entry<String, T>> setting) {
    Map<String, T> options = new HashMap<>();
    values.all(setting).forEach(option -> options.put(option.getKey(), option.getValue()));
    return options;
  }

  private static <T> boolean checkOptions(
      SettingValues values, Setting<Map.Entry<String, T>> setting) {
    Set<String> services = new HashSet<>();
    values.all(UdpService.SERVICE).forEach(service -> services.add(service.name()));
    Set<String> named = new HashSet<>();
    for (Map.Entry<String, T> option : values.all(setting)) {
      if (!services.contains(option.getKey())) {
        values.error(setting, "'" + option.getKey() + "' is no service");
      } else if (!named.add(option.getKey())) {
        values.error(setting, "'" + option.getKey() + "' is given twice");
      }
    }
    return true;
  }

  private static boolean checkAddresses(SettingValues values) {
    HostPort xds = values.get(XDS);
    if (xds.port() != 0 && xds.equals(values.get(ADMIN))) {
      values.error(ADMIN, "xds is " + xds + " too; each needs an address of its own");
    }
    return true;
  }

  private static boolean checkServices(SettingValues values) {
    Set<String> names = new HashSet<>();
    Map<HostPort, String> listeners = new HashMap<>();
    for (UdpService service : values.all(UdpService.SERVICE)) {
      if (!names.add(service.name())) {
        values.error(UdpService.SERVICE, "'" + service.name() + "' is given twice");
      }
      String other = listeners.put(service.listen(), service.name());
      if (other != null) {
        values.error(
            UdpService.SERVICE,
            "'" + other + "' and '" + service.name() + "' both listen on " + service.listen());
      }
    }
    return true;
  }

  private static boolean checkAccess(SettingValues values) {
    Set<String> names = new HashSet<>();
    values.all(UdpService.SERVICE).forEach(service -> names.add(service.name()));
    XdsAccess.check(values, names);
    return true;
  }

  private static boolean checkGateRules(SettingValues values) {
    Optional<Path> file = values.find(GATE_RULES);
    if (file.isPresent()) {
      List<String> names = values.all(UdpService.SERVICE).stream().map(UdpService::name).toList();
      try {
        values.errors(
            GateRulesReader.read(Files.readString(file.get()), names).errors().stream()
                .map(error -> file.get() + ": " + error)
                .toList());
      } catch (IOException e) {
        values.error(GATE_RULES, "cannot be read: " + e);
      }
    }
    return true;
  }

  private static boolean checkLinger(SettingValues values) {
    Duration idle = values.get(ProxySettings.SESSION_IDLE_TIMEOUT);
    Optional<Duration> linger = values.find(FleetSettings.LINGER);
    if (linger.isPresent() && linger.get().compareTo(idle) < 0) {
      values.warning(
          FleetSettings.LINGER,
          SettingType.written(linger.get())
              + " is below session-idle-timeout "
              + SettingType.written(idle)
              + ": a server that vanishes by mistake may be forgotten while it has sessions");
    }
    return true;
  }

  private static boolean checkStateDir(SettingValues values) {
    values
        .find(STATE_DIR)
        .flatMap(StateFile::check)
        .ifPresent(problem -> values.error(STATE_DIR, problem));
    return true;
  }

  /** Where Envoys connect, and who may. */
  public XdsAccess access() {
    return XdsAccess.of(settings);
  }

  public HostPort admin() {
    return settings.get(ADMIN);
  }

  public Optional<Path> stateDir() {
    return settings.find(STATE_DIR);
  }

  public Duration coalesce() {
    return settings.get(COALESCE);
  }

  public EndpointDelivery endpointDelivery() {
    return settings.get(ENDPOINT_DELIVERY);
  }

  public Optional<Path> gateRules() {
    return settings.find(GATE_RULES);
  }

  public ControlPlaneConfig withServices(List<UdpService> newServices) {
    return new ControlPlaneConfig(newServices, fleet, admission, proxy, settings);
  }

  public ControlPlaneConfig withFleet(FleetSettings newFleet) {
    return new ControlPlaneConfig(services, newFleet, admission, proxy, settings);
  }

  public ControlPlaneConfig withAdmission(AdmissionSettings newAdmission) {
    return new ControlPlaneConfig(services, fleet, newAdmission, proxy, settings);
  }

  public ControlPlaneConfig withProxy(ProxySettings newProxy) {
    return new ControlPlaneConfig(services, fleet, admission, newProxy, settings);
  }

  /** The same with another value of a setting that belongs to no part. */
  public <T> ControlPlaneConfig with(Setting<T> setting, T value) {
    return new ControlPlaneConfig(services, fleet, admission, proxy, settings.with(setting, value));
  }

  /** The same with other values of a setting that is repeatable. */
  public <T> ControlPlaneConfig withAll(Setting<T> setting, List<T> values) {
    return new ControlPlaneConfig(
        services, fleet, admission, proxy, settings.withAll(setting, values));
  }
}
