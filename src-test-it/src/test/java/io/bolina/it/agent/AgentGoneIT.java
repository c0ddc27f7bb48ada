package io.bolina.it.agent;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.agent.Agent;
import io.bolina.agent.AgentConfig;
import io.bolina.it.Crowd;
import io.bolina.registry.consul.ConsulRegistrar;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingValues;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.server.StandInServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an agent says of the end of its server, on a real Consul. */
class AgentGoneIT {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final JsonMapper JSON = new JsonMapper();

  /** A server as a process: its id and port follow. */
  static final String SERVER =
      """
      import collections, socket, sys
      s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
      s.bind(("127.0.0.1", int(sys.argv[2])))
      n = collections.Counter()
      while True:
        d, peer = s.recvfrom(65535)
        n[peer] += 1
        s.sendto(b"%s %d %s" % (sys.argv[1].encode(), n[peer], d), peer)
      """;

  private Sandbox sandbox;
  private final Map<Agent, Telemetry> telemetry = new HashMap<>();

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox();
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  /** An agent with further settings, each a key and a value. */
  private Agent agent(String id, int port, String... settings) throws IOException {
    return agent(id, port, Optional.empty(), settings);
  }

  private Agent agent(String id, int port, Optional<String> token, String... settings)
      throws IOException {
    Map<String, List<String>> given = new HashMap<>();
    given.put("service", List.of(SERVICE));
    given.put("id", List.of(id));
    given.put("address", List.of("127.0.0.1"));
    given.put("port", List.of(Integer.toString(port)));
    given.put("silence-warning", List.of("1h"));
    given.put("silence-critical", List.of("1h"));
    for (int i = 0; i < settings.length; i += 2) {
      given.put(settings[i], List.of(settings[i + 1]));
    }
    SettingMap values =
        SettingValues.read(AgentConfig.SETTINGS, given, Optional.empty(), Map.of()).toMap();
    Telemetry own = Telemetry.create();
    ConsulRegistrar registrar =
        sandbox.closed(
            new ConsulRegistrar(ConsulSettings.at(sandbox.consulFront().url()).withToken(token)));
    Agent agent =
        sandbox.closed(
            Agent.start(AgentConfig.of(values).withListen("127.0.0.1", 0), registrar, own));
    telemetry.put(agent, own);
    return agent;
  }

  private static void send(Agent agent, String method, String path, String body)
      throws IOException, InterruptedException {
    AdminAnswer response =
        new AdminClient("agent", URI.create("http://127.0.0.1:" + agent.port()), "listen")
            .ask(method, path, body);
    assertThat(response.statusCode()).as(response.body()).isBetween(200, 299);
  }

  private Child process(String name) throws IOException {
    return sandbox.closed(
        Child.start(
            name, List.of("sleep", "600"), Map.of(), sandbox.directory().resolve(name + ".log")));
  }

  private Path pidFile(Child process) throws IOException {
    return Files.writeString(
        sandbox.directory().resolve("server.pid"), Long.toString(process.pid()));
  }

  private JsonNode service(String id) throws IOException {
    return sandbox.consul().api().get("/v1/agent/services").path(id);
  }

  private String status(String id) throws IOException {
    return sandbox
        .consul()
        .api()
        .get("/v1/agent/checks")
        .path("service:" + id)
        .path("Status")
        .asText();
  }

  private void awaitStatus(String id, String status) {
    await().atMost(LONG).ignoreExceptions().until(() -> status(id).equals(status));
  }

  /** What is said of the end of a server. */
  private Optional<JsonNode> gone(String id) {
    try {
      JsonNode entry =
          sandbox.consul().api().get("/v1/kv/bolina/gone/" + SERVICE + "/" + id).path(0);
      return Optional.of(JSON.readTree(Base64.getDecoder().decode(entry.path("Value").asText())));
    } catch (IOException e) {
      return Optional.empty(); // 404
    }
  }

  private JsonNode awaitGone(String id) {
    return await().atMost(LONG).until(() -> gone(id), Optional::isPresent).orElseThrow();
  }

  private void awaitNotGone(String id) {
    await().atMost(LONG).until(() -> gone(id).isEmpty());
  }

  private double writes(Agent agent, String kind) {
    return telemetry
        .get(agent)
        .meters()
        .counter("bolina.agent.registry.writes", "kind", kind)
        .count();
  }

  /** So many times that everything the agent had to say is said. */
  private void awaitHealthWrites(Agent agent) {
    double before = writes(agent, "health");
    await().atMost(LONG).until(() -> writes(agent, "health") >= before + 3);
  }

  private static long millisSince(long start) {
    return (System.nanoTime() - start) / 1_000_000;
  }

  @Test
  void a_killed_process_is_gone_and_another_one_is_alive() throws Exception {
    Child first = process("first");
    Path pidFile = pidFile(first);
    Agent agent = agent("b-1", 7001, "probe-pid-file", pidFile.toString(), "ttl", "3s");
    awaitStatus("b-1", "passing");
    final String incarnation = service("b-1").at("/Meta/incarnation").asText();
    assertThat(incarnation).isNotEmpty();

    long start = System.nanoTime();
    first.kill();
    JsonNode gone = awaitGone("b-1");
    System.out.printf("gone %d ms after the process was killed%n", millisSince(start));
    assertThat(gone.path("address").asText()).isEqualTo("127.0.0.1:7001");
    assertThat(gone.path("by").asText()).isEqualTo("agent");
    assertThat(gone.path("incarnation").asText()).isEqualTo(incarnation);
    assertThat(gone.path("reason").asText()).contains("process " + first.pid(), "has ended");
    assertThat(status("b-1")).isEqualTo("critical");
    awaitHealthWrites(agent);
    assertThat(writes(agent, "gone")).as("said once").isOne();

    pidFile(process("second"));
    awaitNotGone("b-1");
    awaitStatus("b-1", "passing");
    assertThat(service("b-1").at("/Meta/incarnation").asText()).isNotEqualTo(incarnation);
  }

  @Test
  void a_process_that_is_replaced_at_once_is_not_given_up() throws Exception {
    Child first = process("first");
    Path pidFile = pidFile(first);
    Agent agent = agent("b-1", 7001, "probe-pid-file", pidFile.toString(), "ttl", "3s");
    awaitStatus("b-1", "passing");
    String incarnation = service("b-1").at("/Meta/incarnation").asText();
    Child second = process("second");
    first.kill();
    pidFile(second);
    await()
        .atMost(LONG)
        .until(() -> !service("b-1").at("/Meta/incarnation").asText().equals(incarnation));
    awaitStatus("b-1", "passing");
    assertThat(writes(agent, "gone")).isZero();
  }

  @Test
  void a_port_that_refuses_is_gone_and_one_that_is_silent_is_not() throws Exception {
    StandInServer server = Sandbox.startServer("b-1");
    InetSocketAddress address = server.address();
    Agent agent = agent("b-1", address.getPort(), "probe-udp", "hello=b-1", "ttl", "3s");
    awaitStatus("b-1", "passing");
    server.close();
    awaitGone("b-1");
    try (StandInServer silent = startAt("other", address)) {
      // Nothing good is known of whoever listens there.
      awaitHealthWrites(agent);
      assertThat(silent.connectionsEver()).isPositive();
      assertThat(status("b-1")).isEqualTo("critical");
    }
    sandbox.closed(startAt("b-1", address));
    awaitNotGone("b-1");
    awaitStatus("b-1", "passing");
  }

  /** A free port may be somebody's for a moment: every socket that asks takes one by chance. */
  private static StandInServer startAt(String id, InetSocketAddress address) throws Exception {
    for (int attempt = 1; ; attempt++) {
      try {
        return StandInServer.start(id, address);
      } catch (IOException e) {
        if (attempt == 100) {
          throw e;
        }
        Thread.sleep(100);
      }
    }
  }

  @Test
  void not_to_know_and_critical_by_its_own_word_are_no_end() throws Exception {
    Child server = process("server");
    Path pidFile = pidFile(server);
    StandInServer mute = sandbox.closed(Sandbox.startServer("mute"));
    Agent agent =
        agent(
            "b-1",
            mute.address().getPort(),
            "probe-pid-file",
            pidFile.toString(),
            "probe-udp",
            "hello=never",
            "ttl",
            "3s");
    send(agent, "PUT", "/v1/status", "{}");
    awaitStatus("b-1", "passing");
    Files.delete(pidFile);
    server.signal("STOP");
    awaitHealthWrites(agent);
    send(agent, "PUT", "/v1/status", "{\"health\": \"critical\", \"note\": \"disk\"}");
    awaitStatus("b-1", "critical");
    sandbox.consul().kill();
    sandbox.consul().start();
    awaitStatus("b-1", "critical");
    assertThat(writes(agent, "gone")).isZero();
    agent.close();
    assertThat(gone("b-1")).isEmpty();
  }

  @Test
  void a_goodbye_is_said_at_once_and_a_report_takes_it_back() throws Exception {
    Agent agent = agent("b-1", 7001);
    send(agent, "PUT", "/v1/status", "{\"load\": 0.2, \"sessions\": 5}");
    awaitStatus("b-1", "passing");
    send(agent, "PUT", "/v1/goodbye", "{\"reason\": \"update\"}");
    assertThat(awaitGone("b-1").path("reason").asText())
        .isEqualTo("the server said goodbye: update");
    assertThat(status("b-1")).isEqualTo("critical");
    send(agent, "PUT", "/v1/status", "{\"load\": 0.2, \"sessions\": 5}");
    awaitNotGone("b-1");
    awaitStatus("b-1", "passing");
    send(agent, "PUT", "/v1/goodbye", "");
    awaitGone("b-1");
    // It has no sessions any more that a drain could wait for.
    send(agent, "POST", "/v1/drain", "");
    assertThat(agent.awaitDrained(LONG)).isTrue();
    assertThat(service("b-1").isMissingNode()).isTrue();
  }

  @Test
  void at_the_end_of_a_drain_it_is_gone_before_it_is_deregistered() throws Exception {
    Agent agent = agent("b-1", 7001);
    send(agent, "PUT", "/v1/status", "{\"load\": 0.2, \"sessions\": 5}");
    awaitStatus("b-1", "passing");
    String incarnation = service("b-1").at("/Meta/incarnation").asText();
    send(agent, "PUT", "/v1/drain", "");
    send(agent, "PUT", "/v1/status", "{\"load\": 0, \"sessions\": 0}");
    assertThat(agent.awaitDrained(LONG)).isTrue();
    assertThat(service("b-1").isMissingNode()).isTrue();
    JsonNode gone = gone("b-1").orElseThrow();
    assertThat(gone.path("incarnation").asText()).isEqualTo(incarnation);
    assertThat(gone.path("reason").asText()).isEqualTo("drained: the last session has ended");
  }

  @Test
  void a_restarted_agent_makes_nothing_worse_and_says_what_it_finds() throws Exception {
    Child server = process("server");
    Path pidFile = pidFile(server);
    String[] settings = {"probe-pid-file", pidFile.toString(), "ttl", "3s"};
    Agent first = agent("b-1", 7001, settings);
    awaitStatus("b-1", "passing");
    JsonNode registered = service("b-1");
    first.close();
    // Said by mistake, or of the process before: the server lives.
    ConsulApi api = sandbox.consul().api();
    api.put("/v1/kv/bolina/gone/bolina/b-1", "{\"address\": \"127.0.0.1:7001\"}");
    Agent second = agent("b-1", 7001, settings);
    awaitNotGone("b-1");
    assertThat(service("b-1")).as("the same server").isEqualTo(registered);
    second.close();
    server.kill();
    agent("b-1", 7001, settings);
    assertThat(awaitGone("b-1").path("incarnation").asText())
        .isEqualTo(registered.at("/Meta/incarnation").asText());
  }

  @Test
  void registered_anew_at_another_address_the_old_one_is_gone_unless_its_agent_lives()
      throws Exception {
    Agent old = agent("b-1", 7001);
    awaitStatus("b-1", "passing");
    String incarnation = service("b-1").at("/Meta/incarnation").asText();
    // It lives: two agents with one id.
    Agent other = agent("b-1", 7002, "ttl", "3s");
    await().atMost(LONG).until(() -> duplicates(other) > 0 && duplicates(old) > 0);
    awaitHealthWrites(other);
    assertThat(gone("b-1")).isEmpty();
    assertThat(service("b-1").path("Port").asInt()).as("the last to start").isEqualTo(7002);
    old.close();
    other.close();

    Agent moved = agent("b-1", 7003);
    JsonNode gone = awaitGone("b-1");
    assertThat(gone.path("address").asText()).isEqualTo("127.0.0.1:7002");
    assertThat(gone.path("incarnation").asText()).isNotEmpty().isNotEqualTo(incarnation);
    assertThat(duplicates(moved)).isZero();
    awaitStatus("b-1", "passing");
    assertThat(service("b-1").path("Port").asInt()).isEqualTo(7003);
  }

  private double duplicates(Agent agent) {
    return telemetry
        .get(agent)
        .meters()
        .counter("bolina.bad.input", "kind", "duplicate-server-id")
        .count();
  }

  @Test
  void the_drain_of_an_agent_whose_id_was_taken_leaves_the_other_one_registered() throws Exception {
    Agent old = agent("b-1", 7001);
    awaitStatus("b-1", "passing");
    Agent other = agent("b-1", 7002);
    await().atMost(LONG).until(() -> duplicates(old) > 0);
    send(old, "POST", "/v1/drain", "");
    send(old, "PUT", "/v1/status", "{\"load\": 0, \"sessions\": 0}");
    assertThat(old.awaitDrained(LONG)).isTrue();
    assertThat(gone("b-1").orElseThrow().path("address").asText()).isEqualTo("127.0.0.1:7001");
    assertThat(service("b-1").path("Port").asInt()).isEqualTo(7002);
    assertThat(other.port()).isPositive();
  }

  @Test
  void registrations_of_nobody_at_its_address_are_taken_away_and_those_of_somebody_are_left()
      throws Exception {
    ConsulApi api = sandbox.consul().api();
    api.put(
        "/v1/agent/service/register",
        "{\"ID\": \"ghost\", \"Name\": \"bolina\", \"Address\": \"127.0.0.1\", \"Port\": 7001,"
            + " \"Check\": {\"CheckID\": \"service:ghost\", \"TTL\": \"1s\"}}");
    api.register(SERVICE, "alive", "127.0.0.1", 7001);
    api.health("alive", "critical", "disk");
    api.register(SERVICE, "elsewhere", "127.0.0.1", 7002);
    api.put(
        "/v1/catalog/register",
        "{\"Node\": \"lost\", \"Address\": \"10.1.1.1\", \"Service\": {\"ID\": \"ghost-2\", \"Service\": \"bolina\", \"Address\": \"127.0.0.1\", \"Port\": 7001},"
            + " \"Check\": {\"CheckID\": \"serfHealth\", \"Name\": \"serf\", \"Status\": \"critical\"}}");
    await()
        .atMost(LONG)
        .until(
            () -> api.get("/v1/agent/checks").at("/service:ghost/Output").asText(),
            output -> output.startsWith("TTL expired"));
    Agent agent = agent("b-1", 7001);
    awaitStatus("b-1", "passing");
    await().atMost(LONG).until(() -> service("ghost").isMissingNode());
    await()
        .atMost(LONG)
        .until(
            () -> {
              String all = api.get("/v1/catalog/service/" + SERVICE).toString();
              return !all.contains("ghost");
            });
    assertThat(service("alive").isMissingNode()).isFalse();
    assertThat(service("elsewhere").isMissingNode()).isFalse();
    assertThat(
            telemetry
                .get(agent)
                .meters()
                .counter("bolina.bad.input", "kind", "shared-endpoint")
                .count())
        .isPositive();
  }

  /** A server that is a process of its own: answers as a stand-in does. */
  private Child serving(String id, int port) throws IOException {
    return sandbox.closed(
        Child.start(
            id,
            List.of("python3", "-c", SERVER, id, Integer.toString(port)),
            Map.of(),
            sandbox.directory().resolve(id + ".log")));
  }

  @Test
  void clients_of_a_killed_server_are_answered_by_another_and_nobody_elses_move() throws Exception {
    int port = FreePort.udp();
    Child server = serving("b-1", port);
    StandInServer other = sandbox.closed(Sandbox.startServer("b-2"));
    agent("b-1", port, "probe-pid-file", pidFile(server).toString(), "probe-udp", "x=b-1");
    Agent second = agent("b-2", other.address().getPort(), "probe-udp", "x=b-2");
    awaitStatus("b-1", "passing");
    awaitStatus("b-2", "passing");
    sandbox.controlPlane("cp");
    RealEnvoy envoy = sandbox.envoy("edge");
    await()
        .atMost(LONG)
        .until(
            () ->
                envoy.servers(SERVICE).size() == 2
                    && envoy.servers(SERVICE).values().stream().allMatch("HEALTHY"::equals));
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(40, "b-1", "b-2");
    final int ofTheKilled = crowd.byServer().get("b-1");

    // Critical by its own word: known clients stay.
    send(second, "PUT", "/v1/status", "{\"health\": \"critical\"}");
    String endpoint = "127.0.0.1:" + other.address().getPort();
    await().atMost(LONG).until(() -> "DEGRADED".equals(envoy.servers(SERVICE).get(endpoint)));
    crowd.allStay();
    send(second, "PUT", "/v1/status", "{\"health\": \"passing\"}");
    await().atMost(LONG).until(() -> "HEALTHY".equals(envoy.servers(SERVICE).get(endpoint)));

    long start = System.nanoTime();
    server.kill();
    await()
        .atMost(LONG)
        .pollInterval(Duration.ofMillis(20))
        .until(
            () ->
                crowd.clients().talk(Duration.ofMillis(50)).isEmpty()
                    && crowd.byServer().keySet().equals(Set.of("b-2")));
    System.out.printf(
        "%d clients of a killed server answered by another within %d ms%n",
        ofTheKilled, millisSince(start));
    assertThat(crowd.clients().breaks())
        .hasSize(ofTheKilled)
        .allMatch(moved -> moved.from().equals("b-1") && moved.to().equals("b-2"));
  }

  @Test
  void what_closes_a_server_is_written_before_what_opens_it() throws Exception {
    Agent agent = agent("b-1", 7001, "load-interval", "1h");
    send(agent, "PUT", "/v1/status", "{\"health\": \"critical\", \"load\": 0.3}");
    awaitStatus("b-1", "critical");
    await().atMost(LONG).until(() -> writes(agent, "load") == 1);
    // Better, and overloaded: the load comes first, whatever the interval.
    send(agent, "PUT", "/v1/status", "{\"health\": \"passing\", \"load\": 0.95}");
    awaitInCatalog("warning");
    ConsulApi api = sandbox.consul().api();
    JsonNode load = api.get("/v1/kv/bolina/load/" + SERVICE + "/b-1").path(0);
    JsonNode check = api.get("/v1/health/checks/" + SERVICE).path(0);
    assertThat(load.path("ModifyIndex").asLong()).isLessThan(check.path("ModifyIndex").asLong());
    // What opens waits for the interval, and closing by health does not.
    send(agent, "PUT", "/v1/status", "{\"health\": \"critical\", \"load\": 0.3}");
    awaitInCatalog("critical");
    assertThat(api.get("/v1/kv/bolina/load/" + SERVICE + "/b-1").path(0)).isEqualTo(load);
  }

  private void awaitInCatalog(String status) {
    await()
        .atMost(LONG)
        .until(
            () -> sandbox.consul().api().get("/v1/health/checks/" + SERVICE).path(0),
            check -> check.path("Status").asText().equals(status));
  }
}
