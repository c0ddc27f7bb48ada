package io.bolina.controlplane.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.bolina.controlplane.admission.AdmissionSettings;
import io.bolina.controlplane.gate.GateRulesReader;
import io.bolina.controlplane.resources.ProxySettings;
import io.bolina.controlplane.resources.UdpService;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.fleet.FleetSettings;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.registry.model.WeightSteps;
import io.bolina.runtime.HostPort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the settings of a control plane from the command line and a YAML file, the command line
 * first, and checks them as a whole: every error is reported, not only the first.
 */
public final class Settings {
  /** Every setting there is. */
  public static final List<Setting> ALL =
      List.of(
          Setting.of(
              "consul",
              "URL",
              "http://127.0.0.1:8500",
              "HTTP API of a Consul agent, best the one on this host. https:// for TLS."),
          Setting.of(
              "consul-token-file",
              "FILE",
              "",
              "A file with the ACL token to use; else the environment variable CONSUL_HTTP_TOKEN."),
          Setting.of(
              "consul-ca-file",
              "FILE",
              "",
              "PEM file with the CA certificates that Consul's certificate must come from."),
          Setting.of(
              "consul-wait",
              "TIME",
              "60s",
              "How long Consul may hold a blocking query (1s to 10m): how soon an unreachable Consul is noticed at the latest."),
          Setting.of(
              "consul-stale-bound",
              "TIME",
              "10s",
              "How old an answer of a Consul server other than the leader may be; older ones are asked again of the leader."),
          Setting.of(
              "load-pacing",
              "TIME",
              "500ms",
              "The least time between two queries for load, or for orders to drain, in the long run. Health is never paced behind load."),
          new Setting(
              "service",
              "NAME=HOST:PORT",
              "",
              true,
              "A Consul service to serve, and the UDP address on which every Envoy listens for it. Repeatable."),
          Setting.of("xds", "HOST:PORT", "127.0.0.1:18000", "Where Envoys connect (gRPC)."),
          Setting.of(
              "admin",
              "HOST:PORT",
              "127.0.0.1:18080",
              "Where /healthz, /readyz, /metrics and /fleet are."),
          Setting.of(
              "state-dir",
              "DIR",
              "",
              "Where the last good fleet is kept, so that a restart serves the same even while Consul is down. Without it, a restart waits for Consul."),
          Setting.of(
              "linger",
              "TIME",
              "",
              "How long a server that vanished from Consul is kept, closed, for its sessions. Default: session-idle-timeout."),
          Setting.of(
              "gone-after",
              "TIME",
              "30s",
              "After how long without its machine (serfHealth critical) a server is given up and its clients are moved."),
          Setting.of(
              "hold-limit",
              "TIME",
              "30m",
              "How long a fleet of which more than half vanished at once is kept whole before Consul is believed."),
          Setting.of(
              "overloaded-at",
              "LOAD",
              "0.9",
              "The load from which a server is closed to new clients, as long as another is open."),
          Setting.of(
              "weight-steps",
              "LOAD:WEIGHT,…",
              WeightSteps.DEFAULT.toString(),
              "The weight (1 to 100) of an open server from a load on. Every step moves some returning clients (docs/admission.md)."),
          Setting.of(
              "warning-share",
              "SHARE",
              "0.5",
              "What share of its weight a server keeps while it is in warning (above 0, up to 1)."),
          Setting.of(
              "session-idle-timeout",
              "TIME",
              "10m",
              "After how long without a datagram Envoy forgets a session. Changing it re-creates every session."),
          Setting.of(
              "max-datagram-size",
              "BYTES",
              "1500",
              "The largest datagram accepted, 64 to 65507. Changing it re-creates every session."),
          Setting.of(
              "max-sessions",
              "N",
              "1000000",
              "The most sessions of a service in one Envoy. Changing it re-creates every session."),
          Setting.of(
              "coalesce",
              "TIME",
              "50ms",
              "For how long changes that follow one another are gathered. The first goes out at once; closing a server waits for no other change."),
          Setting.of(
              "endpoint-delivery",
              "HOW",
              "leds",
              "How Envoys are told of servers: leds one by one, those that speak incremental ADS as Bolina's bootstrap does (the others all at once); eds all of them all at once (docs/leds.md)."),
          Setting.of(
              "gate-rules",
              "FILE",
              "",
              "YAML file with the rules for datagrams, by service (docs/gate.md). Read again whenever it changes."));

  private static final Pattern TIME = Pattern.compile("(\\d{1,9})(ms|s|m|h)");

  private final Map<String, List<Given>> given;
  private final List<String> errors = new ArrayList<>();

  /** A value and where it was given. */
  private record Given(String value, String where) {}

  /** All that a control plane on Consul needs. */
  public record ForConsul(ControlPlaneConfig controlPlane, ConsulSettings consul) {}

  private Settings(Map<String, List<Given>> given) {
    this.given = given;
  }

  /**
   * Reads and checks everything.
   *
   * @param commandLine the values by key, as given
   * @param file a YAML file, if one was given
   * @param environment for {@code CONSUL_HTTP_TOKEN}
   * @throws InvalidConfig with everything that is wrong
   */
  public static ForConsul read(
      Map<String, List<String>> commandLine, Optional<Path> file, Map<String, String> environment) {
    Map<String, List<Given>> given = new HashMap<>();
    List<String> fileErrors = new ArrayList<>();
    file.ifPresent(path -> readFile(path, given, fileErrors));
    commandLine.forEach(
        (key, values) ->
            given.put(key, values.stream().map(v -> new Given(v, "--" + key)).toList()));
    Settings settings = new Settings(given);
    settings.errors.addAll(fileErrors);
    return settings.check(environment);
  }

  private static void readFile(Path file, Map<String, List<Given>> given, List<String> fileErrors) {
    JsonNode yaml;
    try {
      YAMLMapper mapper =
          YAMLMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();
      yaml = mapper.readTree(Files.readString(file));
    } catch (JsonProcessingException e) {
      var at = e.getLocation();
      fileErrors.add(
          file
              + (at == null ? "" : ":" + at.getLineNr())
              + ": not YAML: "
              + e.getOriginalMessage().lines().findFirst().orElse(""));
      return;
    } catch (IOException e) {
      fileErrors.add(file + ": cannot be read: " + e);
      return;
    }
    if (yaml == null || yaml.isMissingNode() || yaml.isNull()) {
      return; // an empty file
    }
    if (!yaml.isObject()) {
      fileErrors.add(file + ": not a list of 'key: value' lines");
      return;
    }
    for (Map.Entry<String, JsonNode> entry : yaml.properties()) {
      String where = file + ": " + entry.getKey();
      Optional<Setting> setting =
          ALL.stream().filter(s -> s.key().equals(entry.getKey())).findFirst();
      if (setting.isEmpty()) {
        fileErrors.add(where + ": there is no such setting" + suggestion(entry.getKey()));
        continue;
      }
      List<Given> values = new ArrayList<>();
      if (entry.getValue().isArray() && setting.get().repeatable()) {
        entry.getValue().forEach(v -> values.add(new Given(v.asText(), where)));
      } else if (entry.getValue().isValueNode()) {
        values.add(new Given(entry.getValue().asText(), where));
      } else {
        fileErrors.add(where + ": expected " + setting.get().value());
        continue;
      }
      given.put(entry.getKey(), values);
    }
  }

  private ForConsul check(Map<String, String> environment) {
    ConsulSettings consul = consul(environment);
    List<UdpService> services = services();
    HostPort xds = one("xds", HostPort::parse);
    HostPort admin = one("admin", HostPort::parse);
    Optional<Path> stateDir = optional("state-dir", Path::of);
    Duration idle = one("session-idle-timeout", Settings::time);
    Duration linger = optional("linger", Settings::time).orElse(idle);
    Duration goneAfter = one("gone-after", Settings::time);
    Duration holdLimit = one("hold-limit", Settings::time);
    Double overloadedAt = one("overloaded-at", Settings::decimal);
    WeightSteps steps = one("weight-steps", Settings::weightSteps);
    Double warningShare = one("warning-share", Settings::decimal);
    Integer datagram = one("max-datagram-size", Settings::whole);
    Integer sessions = one("max-sessions", Settings::whole);
    Duration coalesce = one("coalesce", Settings::time);
    EndpointDelivery delivery = one("endpoint-delivery", Settings::delivery);
    Optional<Path> gateRules = optional("gate-rules", Settings::readable);
    gateRules.ifPresent(file -> checkGateRules(file, services));
    AdmissionSettings admission =
        all(overloadedAt, steps, warningShare)
            ? made(
                () -> new AdmissionSettings(new LoadThresholds(overloadedAt, steps), warningShare))
            : null;
    ProxySettings proxy =
        all(idle, datagram, sessions)
            ? made(() -> new ProxySettings(idle, datagram, sessions))
            : null;
    FleetSettings fleet =
        all(linger, goneAfter, holdLimit)
            ? made(() -> new FleetSettings(linger, goneAfter, holdLimit))
            : null;
    if (coalesce != null && coalesce.compareTo(Duration.ofSeconds(10)) > 0) {
      errors.add(where("coalesce") + ": more than 10 s would keep new clients on ill servers");
    }
    if (all(xds, admin) && xds.equals(admin) && xds.port() != 0) {
      errors.add("xds and admin are both " + xds + "; each needs an address of its own");
    }
    if (!errors.isEmpty()) {
      throw new InvalidConfig(errors);
    }
    return new ForConsul(
        new ControlPlaneConfig(
            services, xds, admin, stateDir, fleet, admission, proxy, coalesce, gateRules, delivery),
        consul);
  }

  private void checkGateRules(Path file, List<UdpService> services) {
    List<String> names = services.stream().map(UdpService::name).toList();
    try {
      GateRulesReader.read(Files.readString(file), names)
          .errors()
          .forEach(error -> errors.add(file + ": " + error));
    } catch (IOException e) {
      errors.add(where("gate-rules") + ": the file " + file + " cannot be read: " + e);
    }
  }

  private ConsulSettings consul(Map<String, String> environment) {
    URI url = one("consul", Settings::url);
    Optional<String> token = optional("consul-token-file", Settings::tokenIn);
    if (given("consul-token-file").isEmpty()) {
      token =
          Optional.ofNullable(environment.get("CONSUL_HTTP_TOKEN"))
              .map(String::strip)
              .filter(t -> !t.isEmpty());
    }
    Optional<Path> caFile = optional("consul-ca-file", Settings::readable);
    Duration wait = one("consul-wait", Settings::time);
    if (wait != null
        && (wait.compareTo(Duration.ofSeconds(1)) < 0
            || wait.compareTo(Duration.ofMinutes(10)) > 0)) {
      errors.add(where("consul-wait") + ": not between 1s and 10m");
    }
    Duration staleBound = one("consul-stale-bound", Settings::time);
    Duration loadPacing = one("load-pacing", Settings::time);
    return all(url, wait, staleBound, loadPacing)
        ? ConsulSettings.at(url)
            .withToken(token)
            .withCaFile(caFile)
            .withWait(wait)
            .withStaleBound(staleBound)
            .withLoadPacing(loadPacing)
        : null;
  }

  private List<UdpService> services() {
    List<UdpService> services = new ArrayList<>();
    Set<String> names = new HashSet<>();
    Map<String, String> listeners = new LinkedHashMap<>();
    List<Given> values = given("service");
    if (values.isEmpty()) {
      errors.add(
          "service: none is given; what is to be served? For example --service bolina=0.0.0.0:10000");
    }
    for (Given value : values) {
      try {
        UdpService service = service(value.value());
        services.add(service);
        if (!names.add(service.name())) {
          errors.add(value.where() + ": '" + service.name() + "' is given twice");
        }
        String at = new HostPort(service.listenAddress(), service.listenPort()).toString();
        String other = listeners.put(at, service.name());
        if (other != null) {
          errors.add(
              value.where()
                  + ": '"
                  + other
                  + "' and '"
                  + service.name()
                  + "' both listen on "
                  + at);
        }
      } catch (IllegalArgumentException e) {
        errors.add(value.where() + ": " + e.getMessage());
      }
    }
    return services;
  }

  private List<Given> given(String key) {
    return given.getOrDefault(key, List.of());
  }

  private String where(String key) {
    return given(key).isEmpty() ? key : given(key).get(0).where();
  }

  /** The setting's value or else its default; null after an error. */
  private <T> T one(String key, Function<String, T> parser) {
    Setting setting = ALL.stream().filter(s -> s.key().equals(key)).findFirst().orElseThrow();
    List<Given> values = given(key);
    if (values.size() > 1) {
      errors.add(values.get(0).where() + ": given " + values.size() + " times");
      return null;
    }
    String text = values.isEmpty() ? setting.standard() : values.get(0).value();
    try {
      return parser.apply(text);
    } catch (IllegalArgumentException e) {
      errors.add(where(key) + ": " + e.getMessage());
      return null;
    }
  }

  private <T> Optional<T> optional(String key, Function<String, T> parser) {
    return given(key).isEmpty() ? Optional.empty() : Optional.ofNullable(one(key, parser));
  }

  private <T> T made(java.util.function.Supplier<T> constructor) {
    try {
      return constructor.get();
    } catch (IllegalArgumentException e) {
      errors.add(e.getMessage());
      return null;
    }
  }

  private static boolean all(Object... values) {
    for (Object value : values) {
      if (value == null) {
        return false;
      }
    }
    return true;
  }

  private static UdpService service(String text) {
    int equals = text.indexOf('=');
    if (equals < 1) {
      throw new IllegalArgumentException(
          "'" + text + "' is not NAME=HOST:PORT, such as bolina=0.0.0.0:10000");
    }
    String name = text.substring(0, equals);
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
      throw new IllegalArgumentException(
          "'" + name + "' is not a service name: letters, digits, '.', '_' and '-' only");
    }
    HostPort at = HostPort.parse(text.substring(equals + 1));
    if (at.port() == 0) {
      throw new IllegalArgumentException("the port of '" + text + "' is 0");
    }
    if (!at.host().matches("[0-9.]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")) {
      throw new IllegalArgumentException(
          "'" + at.host() + "' is not an IP address; Envoy listens on addresses, not names");
    }
    try {
      String address = InetAddress.getByName(at.host()).getHostAddress();
      return new UdpService(name, at.host().indexOf(':') >= 0 ? at.host() : address, at.port());
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("'" + at.host() + "' is not an IP address", e);
    }
  }

  private static URI url(String text) {
    URI url = URI.create(text);
    boolean http = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
    if (!http || url.getHost() == null) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a URL such as http://127.0.0.1:8500");
    }
    return url;
  }

  /**
   * Reads a time such as {@code 500ms}, {@code 30s}, {@code 10m} or {@code 1h}.
   *
   * @throws IllegalArgumentException saying what is wrong with the text
   */
  public static Duration time(String text) {
    Matcher matcher = TIME.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a time; write a whole number and ms, s, m or h, such as 30s");
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      default -> Duration.ofHours(number);
    };
  }

  private static Double decimal(String text) {
    try {
      return Double.valueOf(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'" + text + "' is not a number", e);
    }
  }

  private static Integer whole(String text) {
    try {
      return Integer.valueOf(text);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException("'" + text + "' is not a whole number", e);
    }
  }

  private static WeightSteps weightSteps(String text) {
    Map<Double, Integer> steps = new HashMap<>();
    for (String step : text.split(",", -1)) {
      int colon = step.indexOf(':');
      if (colon < 1) {
        throw new IllegalArgumentException(
            "'" + step + "' is not LOAD:WEIGHT; write for example " + WeightSteps.DEFAULT);
      }
      Double load = decimal(step.substring(0, colon).strip());
      if (steps.put(load, whole(step.substring(colon + 1).strip())) != null) {
        throw new IllegalArgumentException("the load " + load + " is given twice");
      }
    }
    return new WeightSteps(steps);
  }

  private static EndpointDelivery delivery(String text) {
    return switch (text) {
      case "leds" -> EndpointDelivery.LEDS;
      case "eds" -> EndpointDelivery.EDS;
      default -> throw new IllegalArgumentException("'" + text + "' is neither leds nor eds");
    };
  }

  private static Path readable(String text) {
    Path file = Path.of(text);
    if (!Files.isReadable(file)) {
      throw new IllegalArgumentException("the file " + file + " is not there or cannot be read");
    }
    return file;
  }

  private static String tokenIn(String text) {
    try {
      String token = Files.readString(readable(text)).strip();
      if (token.isEmpty()) {
        throw new IllegalArgumentException("the file " + text + " is empty");
      }
      return token;
    } catch (IOException e) {
      throw new IllegalArgumentException("the file " + text + " cannot be read: " + e, e);
    }
  }

  private static String suggestion(String key) {
    return ALL.stream()
        .map(Setting::key)
        .filter(known -> distance(known, key) <= 3)
        .min((a, b) -> Integer.compare(distance(a, key), distance(b, key)))
        .map(known -> "; did you mean '" + known + "'?")
        .orElse("; docs/configuration.md lists them all");
  }

  /** How many letters must be added, left out or replaced to make one word of the other. */
  private static int distance(String a, String b) {
    int[] last = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      last[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = last[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(last[j], row[j - 1]) + 1);
      }
      last = row;
    }
    return last[b.length()];
  }
}
