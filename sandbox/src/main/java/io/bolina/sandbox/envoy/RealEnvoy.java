package io.bolina.sandbox.envoy;

import com.fasterxml.jackson.databind.JsonNode;
import io.bolina.controlplane.resources.EnvoyBootstrap;
import io.bolina.controlplane.resources.EnvoyResources;
import io.bolina.runtime.HostPort;
import io.bolina.sandbox.process.AdminPages;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** A real Envoy as a child process, with nothing but a bootstrap: Bolina's or another. */
public final class RealEnvoy implements AutoCloseable {
  private static final String SEARCH_PATH = "ENVOY_DYNAMIC_MODULES_SEARCH_PATH";

  private final Child child;
  private final AdminPages admin;
  private final boolean tokens;

  private RealEnvoy(Child child, AdminPages admin, boolean tokens) {
    this.child = child;
    this.admin = admin;
    this.tokens = tokens;
  }

  /**
   * Starts an Envoy and waits until its admin page answers.
   *
   * @param program the Envoy to run
   * @param directory where its bootstrap and log are kept
   * @param gate the folder of the gate's module; empty for an Envoy without
   */
  public static RealEnvoy start(
      Path program,
      Path directory,
      String nodeId,
      List<HostPort> controlPlanes,
      EnvoyBootstrap.Protocol protocol,
      Optional<Path> gate)
      throws IOException {
    return start(program, directory, nodeId, controlPlanes, protocol, gate, false);
  }

  /**
   * The same.
   *
   * @param tokens whether its bootstrap asks that the module choose the servers
   */
  public static RealEnvoy start(
      Path program,
      Path directory,
      String nodeId,
      List<HostPort> controlPlanes,
      EnvoyBootstrap.Protocol protocol,
      Optional<Path> gate,
      boolean tokens)
      throws IOException {
    return start(
        program,
        directory,
        nodeId,
        EnvoyBootstrap.yaml(
            nodeId,
            controlPlanes,
            HostPort.parse("127.0.0.1:0"),
            Optional.empty(),
            protocol,
            gate.isPresent(),
            tokens),
        gate.map(folder -> Map.of(SEARCH_PATH, folder.toString())).orElse(Map.of()));
  }

  /**
   * Starts an Envoy with a bootstrap of another's, as one without Bolina has.
   *
   * @param yaml its bootstrap, with an admin page on any port
   */
  public static RealEnvoy start(
      Path program, Path directory, String nodeId, String yaml, Map<String, String> environment)
      throws IOException {
    Path bootstrap = directory.resolve(nodeId + ".yaml");
    Files.writeString(bootstrap, yaml);
    Path adminFile = directory.resolve(nodeId + ".admin");
    Files.deleteIfExists(adminFile);
    Child child =
        Child.start(
            "Envoy " + nodeId,
            List.of(
                program.toString(),
                "-c",
                bootstrap.toString(),
                "--admin-address-path",
                adminFile.toString(),
                "--concurrency",
                "2",
                "--disable-hot-restart"),
            environment,
            directory.resolve(nodeId + ".log"));
    try {
      Waiting.until(
          "Envoy's admin address",
          Waiting.LONG,
          () -> {
            if (!child.isAlive()) {
              throw new IllegalStateException("Envoy ended at once. " + child.lastWords());
            }
            return Files.exists(adminFile) && Files.readString(adminFile).contains(":");
          },
          child::lastWords);
      return new RealEnvoy(
          child,
          new AdminPages(HostPort.parse(Files.readString(adminFile).strip())),
          yaml.contains("bolina.tokens"));
    } catch (IOException | RuntimeException e) {
      child.close();
      throw e;
    }
  }

  public long pid() {
    return child.pid();
  }

  public AdminPages admin() {
    return admin;
  }

  public boolean isAlive() {
    return child.isAlive();
  }

  public String log() {
    return child.log();
  }

  /** One counter or gauge; 0 if Envoy does not have it (yet). */
  public long stat(String name) throws IOException {
    return stats(name.replace(".", "\\.") + "$").getOrDefault(name, 0L);
  }

  /** Counters and gauges whose names match a regular expression. */
  public Map<String, Long> stats(String regex) throws IOException {
    Map<String, Long> stats = new TreeMap<>();
    String filter = URLEncoder.encode(regex, StandardCharsets.UTF_8);
    for (String line : admin.text("/stats?filter=" + filter).lines().toList()) {
      int colon = line.lastIndexOf(": ");
      String value = line.substring(colon + 2);
      if (value.matches("\\d+")) {
        stats.put(line.substring(0, colon), Long.parseLong(value));
      }
    }
    return stats;
  }

  /**
   * A counter of the gate: {@code rejected_<rule>}, {@code would_reject_<rule>} or another of
   * docs/gate.md.
   */
  public long gate(String service, String counter) throws IOException {
    return stat("bolina_gate." + service + "." + counter);
  }

  /** Live UDP sessions of a service's listener. */
  public long sessions(String service) throws IOException {
    return stat("udp." + service + ".downstream_sess_active");
  }

  /**
   * What Envoy has of each server of a service, by address: {@code HEALTHY} if it is open and
   * {@code DEGRADED} if it is closed, also where the module chooses and Envoy has closed ones as
   * healthy and marked.
   */
  public Map<String, String> servers(String service) throws IOException {
    Map<String, String> servers = serversIn(admin.json("/clusters?format=json"), service);
    closedForModule(service)
        .forEach(at -> servers.computeIfPresent(at, (address, health) -> "DEGRADED"));
    return servers;
  }

  /**
   * What any Envoy has of each server of a service by its own words.
   *
   * @param clusters what it answers to {@code /clusters?format=json}
   */
  public static Map<String, String> serversIn(JsonNode clusters, String service) {
    Map<String, String> health = new TreeMap<>();
    for (JsonNode cluster : clusters.path("cluster_statuses")) {
      if (cluster.path("observability_name").asText().equals(service)) {
        for (JsonNode host : cluster.path("host_statuses")) {
          if (isServer(host)) {
            health.put(
                address(host), host.path("health_status").path("eds_health_status").asText());
          }
        }
      }
    }
    return health;
  }

  /** The weight of each server of a service, by address. */
  public Map<String, Integer> weights(String service) throws IOException {
    Map<String, Integer> weights = new TreeMap<>();
    for (JsonNode cluster : admin.json("/clusters?format=json").path("cluster_statuses")) {
      if (cluster.path("observability_name").asText().equals(service)) {
        for (JsonNode host : cluster.path("host_statuses")) {
          if (isServer(host)) {
            weights.put(address(host), host.path("weight").asInt(1));
          }
        }
      }
    }
    return weights;
  }

  /** The servers that are marked as closed. */
  private Set<String> closedForModule(String service) throws IOException {
    Set<String> closed = new TreeSet<>();
    if (tokens) {
      String name = EnvoyResources.tokenName(service);
      for (JsonNode part : admin.json("/config_dump?include_eds").path("configs")) {
        for (JsonNode config : part.path("dynamic_endpoint_configs")) {
          if (config.at("/endpoint_config/cluster_name").asText().equals(name)) {
            config.findParents("endpoint").stream()
                .filter(m -> m.at("/metadata/filter_metadata/bolina/closed").asBoolean())
                .forEach(member -> closed.add(address(member.path("endpoint"))));
          }
        }
      }
    }
    return closed;
  }

  /** Whether an endpoint is no one that only has tokens of servers for the module. */
  private static boolean isServer(JsonNode host) {
    return !address(host).startsWith("240.0.0.");
  }

  private static String address(JsonNode host) {
    JsonNode at = host.at("/address/socket_address");
    return new HostPort(at.path("address").asText(), at.path("port_value").asInt()).toString();
  }

  /** The version of each cluster that it was sent over xDS, by name. */
  public Map<String, String> clusterVersions() throws IOException {
    Map<String, String> versions = new TreeMap<>();
    for (JsonNode part :
        admin.json("/config_dump?resource=dynamic_active_clusters").path("configs")) {
      versions.put(part.at("/cluster/name").asText(), part.path("version_info").asText());
    }
    return versions;
  }

  public void kill() {
    child.kill();
  }

  /** Its log's end, for an error message. */
  public String lastWords() {
    return child.lastWords();
  }

  @Override
  public void close() {
    child.kill();
  }
}
