package io.bolina.sandbox.consul;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A real Consul, one server and agent in one, as a child process that can be killed and started.
 */
public final class RealConsul implements AutoCloseable {
  private final Path program;
  private final Path directory;
  private final Path config;
  private final Optional<Path> moreConfig;
  private final ConsulApi api;
  private final int serfPort;
  private Child child;

  /**
   * Starts a Consul and waits until it has a leader.
   *
   * @param program the Consul to run
   * @param directory where its data and log are kept
   * @param managementToken if given, ACLs are on, everything is denied by default, and this token
   *     may do all
   */
  public static RealConsul start(Path program, Path directory, Optional<String> managementToken)
      throws IOException {
    return start(program, directory, managementToken, Optional.empty());
  }

  /**
   * The same with more configuration.
   *
   * @param moreConfig a file in Consul's own format, which comes last and wins
   */
  public static RealConsul start(
      Path program, Path directory, Optional<String> managementToken, Optional<Path> moreConfig)
      throws IOException {
    RealConsul consul = new RealConsul(program, directory, managementToken, moreConfig);
    consul.start();
    return consul;
  }

  /**
   * Starts an agent on another "machine": a Consul client that joins this one.
   *
   * @param node what the machine is called
   */
  public RealConsul join(Path agentDirectory, String node) throws IOException {
    Files.createDirectories(agentDirectory);
    ObjectNode more = new JsonMapper().createObjectNode();
    more.put("node_name", node).put("server", false).put("bootstrap_expect", 0);
    more.putArray("retry_join").add("127.0.0.1:" + serfPort);
    Path file = agentDirectory.resolve("join.json");
    Files.writeString(file, more.toPrettyString());
    return start(program, agentDirectory, Optional.empty(), Optional.of(file));
  }

  private RealConsul(
      Path program, Path directory, Optional<String> managementToken, Optional<Path> moreConfig)
      throws IOException {
    this.moreConfig = moreConfig;
    this.program = program;
    this.directory = directory;
    this.config = directory.resolve("consul.json");
    Files.createDirectories(directory);
    int http = FreePort.tcp();
    this.serfPort = FreePort.tcp();
    JsonMapper json = new JsonMapper();
    ObjectNode root = json.createObjectNode();
    root.put("node_name", "here").put("server", true).put("bootstrap_expect", 1);
    root.put("bind_addr", "127.0.0.1").put("client_addr", "127.0.0.1");
    root.put("log_level", "WARN")
        .put("disable_update_check", true)
        .put("leave_on_terminate", false);
    root.putObject("performance").put("raft_multiplier", 1);
    root.putObject("limits").put("http_max_conns_per_client", 10_000);
    root.putObject("ports")
        .put("http", http)
        .put("server", FreePort.tcp())
        .put("serf_lan", serfPort)
        .put("serf_wan", -1)
        .put("dns", -1)
        .put("grpc", -1)
        .put("grpc_tls", -1);
    managementToken.ifPresent(
        token ->
            root.putObject("acl")
                .put("enabled", true)
                .put("default_policy", "deny")
                .putObject("tokens")
                .put("initial_management", token)
                .put("agent", token));
    Files.writeString(config, root.toPrettyString());
    this.api = new ConsulApi(URI.create("http://127.0.0.1:" + http), managementToken);
  }

  public ConsulApi api() {
    return api;
  }

  public URI url() {
    return api.url();
  }

  /** Starts it again, with the data it had unless {@link #loseData} was called. */
  public void start() throws IOException {
    List<String> command =
        new ArrayList<>(List.of(program.toString(), "agent", "-config-file", config.toString()));
    moreConfig.ifPresent(file -> command.addAll(List.of("-config-file", file.toString())));
    command.addAll(List.of("-data-dir", directory.resolve("data").toString()));
    child = Child.start("Consul", command, Map.of(), directory.resolve("consul.log"));
    Waiting.until(
        "Consul to have a leader",
        Waiting.LONG,
        () -> {
          if (!child.isAlive()) {
            throw new IllegalStateException("Consul ended at once. " + child.lastWords());
          }
          String self = api.get("/v1/agent/self").at("/Config/NodeName").asText();
          return api.hasLeader() && !api.get("/v1/health/node/" + self).isEmpty();
        },
        child::lastWords);
  }

  /** Kills it as a power cut would. */
  public void kill() {
    child.kill();
  }

  /** It hangs: connections stay open, and nothing is answered. */
  public void hang() throws IOException {
    child.signal("STOP");
  }

  /** Goes on after {@link #hang}. */
  public void goOn() throws IOException {
    child.signal("CONT");
  }

  /** Deletes all that it knew. It must not be running. */
  public void loseData() throws IOException {
    Path data = directory.resolve("data");
    if (!Files.exists(data)) {
      return;
    }
    try (Stream<Path> files = Files.walk(data)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  /** Meets another Consul again, as one does that has lost its data and has it in its settings. */
  public void meet(RealConsul other) throws IOException {
    api.put("/v1/agent/join/127.0.0.1:" + other.serfPort, "");
  }

  public boolean isAlive() {
    return child.isAlive();
  }

  public long pid() {
    return child.pid();
  }

  /** Ends it. Its log stays; its data, 65 MB at least, would fill the disk in some runs. */
  @Override
  public void close() {
    child.kill();
    try {
      loseData();
    } catch (IOException e) {
      throw new UncheckedIOException("Consul's data cannot be deleted", e);
    }
  }
}
