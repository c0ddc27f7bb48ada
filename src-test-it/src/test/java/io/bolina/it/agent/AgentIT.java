package io.bolina.it.agent;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import io.bolina.agent.Agent;
import io.bolina.agent.AgentConfig;
import io.bolina.it.Crowd;
import io.bolina.it.Patience;
import io.bolina.registry.consul.ConsulRegistrar;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.runtime.Installation;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.sandbox.BolinaProcess;
import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.consul.ConsulApi;
import io.bolina.sandbox.consul.ConsulFront.Fault;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.server.StandInServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The agent on a real Consul and, with the control plane and a real Envoy, end to end. */
class AgentIT {
  private static final Duration LONG = Duration.ofSeconds(60);
  private static final Duration NEVER = Duration.ofHours(1);

  private Sandbox sandbox;
  private Telemetry telemetry;

  @BeforeEach
  void open() throws Exception {
    sandbox = new Sandbox();
  }

  @AfterEach
  void close() {
    sandbox.close();
  }

  private Agent agent(String id, int port, UnaryOperator<AgentConfig> settings) throws IOException {
    return agent(id, port, settings, Optional.empty());
  }

  private Agent agent(
      String id, int port, UnaryOperator<AgentConfig> settings, Optional<String> token)
      throws IOException {
    telemetry = Telemetry.create();
    Server server = new Server(id, SERVICE, "127.0.0.1", port, "z-1", Map.of("build", "7"));
    ConsulRegistrar registrar =
        sandbox.closed(
            new ConsulRegistrar(ConsulSettings.at(sandbox.consulFront().url()).withToken(token)));
    AgentConfig config =
        AgentConfig.of(server)
            .withListen("127.0.0.1", 0)
            // However slow a test is: only one about missing reports has a server that misses one.
            .withReportDeadlines(NEVER, NEVER);
    return sandbox.closed(Agent.start(settings.apply(config), registrar, telemetry));
  }

  private static AdminAnswer send(int port, String method, String path, String body)
      throws IOException, InterruptedException {
    return new AdminClient("agent", URI.create("http://127.0.0.1:" + port), "listen")
        .ask(method, path, body);
  }

  private static String report(int port, String status) throws IOException, InterruptedException {
    AdminAnswer response = send(port, "PUT", "/v1/status", status);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
    return response.body();
  }

  private JsonNode check(String id) throws IOException {
    return sandbox.consul().api().get("/v1/agent/checks").path("service:" + id);
  }

  /** The load entry; empty if there is none. */
  private Optional<String> load(String id) {
    try {
      JsonNode entry =
          sandbox.consul().api().get("/v1/kv/bolina/load/" + SERVICE + "/" + id).path(0);
      return Optional.of(
          new String(
              Base64.getDecoder().decode(entry.path("Value").asText()), StandardCharsets.UTF_8));
    } catch (IOException e) {
      return Optional.empty(); // 404
    }
  }

  @Test
  void health_and_load_reach_consul_with_their_reason() throws Exception {
    Agent agent = agent("b-1", 7001, a -> a);
    awaitStatus("b-1", "passing");
    JsonNode service = sandbox.consul().api().get("/v1/agent/services").path("b-1");
    assertThat(service.path("Port").asInt()).isEqualTo(7001);
    assertThat(service.at("/Meta/zone").asText()).isEqualTo("z-1");

    assertThat(
            report(
                agent.port(),
                "{\"health\": \"warning\", \"note\": \"slow disk\", \"load\": 0.4, \"sessions\": 3, \"metrics\": {\"cpu\": 0.2}}"))
        .contains("\"draining\":false");
    awaitStatus("b-1", "warning");
    assertThat(check("b-1").path("Output").asText()).isEqualTo("slow disk");
    await().atMost(LONG).until(() -> load("b-1").isPresent());
    assertThat(load("b-1").orElseThrow()).contains("\"load\":0.4", "\"sessions\":3", "\"cpu\":0.2");

    report(agent.port(), "{\"load\": 0.95, \"sessions\": 3}");
    await()
        .atMost(LONG)
        .until(
            () ->
                check("b-1")
                    .path("Output")
                    .asText()
                    .equals("overloaded: load 0.95 is at or above 0.90"));
    assertThat(check("b-1").path("Status").asText()).isEqualTo("warning");

    AdminAnswer bad = send(agent.port(), "PUT", "/v1/status", "{\"helth\": \"passing\"}");
    assertThat(bad.statusCode()).isEqualTo(400);
    assertThat(bad.body()).contains("there is no field 'helth'");
    assertThat(send(agent.port(), "GET", "/healthz", "").statusCode()).isEqualTo(200);
  }

  @Test
  void a_server_that_stops_reporting_is_in_warning_and_then_critical() throws Exception {
    // Two, so that either state stays for as long as it takes to see it.
    Agent warned = agent("b-1", 7001, a -> a.withReportDeadlines(Duration.ofSeconds(2), NEVER));
    Agent closed =
        agent(
            "b-2", 7002, a -> a.withReportDeadlines(Duration.ofSeconds(2), Duration.ofSeconds(4)));
    for (Agent agent : List.of(warned, closed)) {
      awaitReported(agent, agent == warned ? "b-1" : "b-2", "{}", "passing");
    }
    awaitStatus("b-1", "warning");
    assertThat(check("b-1").path("Output").asText()).contains("no report from the server for");
    awaitStatus("b-2", "critical");
    assertThat(check("b-2").path("Output").asText()).contains("no report from the server for");
    awaitReported(closed, "b-2", "{}", "passing");
  }

  @Test
  void a_server_that_never_reports_turns_critical_and_consul_says_what_to_do() throws Exception {
    int listen = FreePort.tcp();
    BolinaProcess process =
        process(7001, listen, "--silence-warning", "1s", "--silence-critical", "3s");
    awaitStatus("b-1", "critical");
    await()
        .atMost(LONG)
        .until(
            () ->
                check("b-1")
                    .path("Output")
                    .asText()
                    .matches(
                        "no report from the server since the agent started \\d+ s ago; critical"
                            + " until it reports to http://127\\.0\\.0\\.1:"
                            + listen
                            + "/v1/status; or set a probe: .*"));
    assertThat(process.child().log())
        .containsOnlyOnce("no report from server yet; it turns critical")
        .containsPattern(
            "it turns critical server=\"?b-1\"? inSeconds=\"?\\d\"? reportTo=\"?http://127.0.0.1:"
                + listen
                + "/v1/status\"? hint=");
  }

  @Test
  void consul_that_is_down_at_start_or_loses_its_data_is_told_everything_anew() throws Exception {
    sandbox.consulFront();
    sandbox.consul().kill();
    Agent agent = agent("b-1", 7001, a -> a);
    report(agent.port(), "{\"load\": 0.3}");
    await().atMost(LONG).until(() -> send(agent.port(), "GET", "/healthz", "").statusCode() == 503);
    sandbox.consul().start();
    awaitStatus("b-1", "passing");
    await().atMost(LONG).until(() -> load("b-1").isPresent());

    sandbox.consul().kill();
    sandbox.consul().loseData();
    sandbox.consul().start();
    report(agent.port(), "{\"load\": 0.3}");
    awaitStatus("b-1", "passing");
    await().atMost(LONG).until(() -> load("b-1").isPresent());
    await().atMost(LONG).until(() -> send(agent.port(), "GET", "/healthz", "").statusCode() == 200);
  }

  @Test
  void a_session_that_consul_invalidates_is_made_anew_with_its_entry() throws Exception {
    Agent agent = agent("b-1", 7001, a -> a);
    report(agent.port(), "{\"load\": 0.3}");
    await().atMost(LONG).until(() -> load("b-1").isPresent());
    String session = sessionOfLoad("b-1");
    sandbox.consul().api().put("/v1/session/destroy/" + session, "");
    // Destroyed, its entry is gone; what is there afterwards is of another session.
    await()
        .atMost(LONG)
        .ignoreExceptions()
        .until(() -> load("b-1").isPresent() && !sessionOfLoad("b-1").equals(session));
  }

  private String sessionOfLoad(String id) throws IOException {
    return sandbox
        .consul()
        .api()
        .get("/v1/kv/bolina/load/" + SERVICE + "/" + id)
        .path(0)
        .path("Session")
        .asText();
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.class,
      names = {"CUT_OFF", "SILENT", "ERROR", "TOO_MANY", "GARBAGE", "HALF_A_BODY"})
  void no_fault_of_consuls_ends_it_or_floods_the_log(Fault fault) throws Exception {
    Agent agent = agent("b-1", 7001, a -> a);
    report(agent.port(), "{\"load\": 0.3}");
    awaitStatus("b-1", "passing");
    sandbox.consulFront().fail(fault);
    await().atMost(LONG).until(() -> send(agent.port(), "GET", "/healthz", "").statusCode() == 503);
    report(agent.port(), "{\"health\": \"critical\", \"note\": \"disk\", \"load\": 0.3}");
    sandbox.consulFront().recover();
    awaitStatus("b-1", "critical");
    await().atMost(LONG).until(() -> send(agent.port(), "GET", "/healthz", "").statusCode() == 200);
  }

  @Test
  void the_load_entry_of_a_dead_agent_disappears_and_the_server_stays_until_its_ttl_is_over()
      throws Exception {
    Agent agent = agent("b-1", 7001, a -> a.withTimeToLive(Duration.ofSeconds(3)));
    report(agent.port(), "{\"load\": 0.3}");
    await().atMost(LONG).until(() -> load("b-1").isPresent());
    agent.close();
    awaitStatus("b-1", "critical");
    // Consul invalidates a session of 30 s after one to two times that.
    await().atMost(Duration.ofSeconds(150)).until(() -> load("b-1").isEmpty());
    assertThat(sandbox.consul().api().get("/v1/agent/services").has("b-1")).isTrue();
  }

  @Test
  void a_noisy_load_is_written_seldom() throws Exception {
    // With this TTL health is written about once a second, each time after a look at the load.
    Agent agent =
        agent(
            "b-1",
            7001,
            a ->
                a.withLoadWrites(0.05, Duration.ofMillis(100))
                    .withTimeToLive(Duration.ofSeconds(3)));
    AtomicInteger reports = new AtomicInteger();
    await()
        .atMost(LONG)
        .pollInterval(Duration.ofMillis(20))
        .until(
            () -> {
              double noise = 0.02 * Math.sin(reports.getAndIncrement());
              report(agent.port(), "{\"load\": " + (0.60 + noise) + "}");
              return written("load") >= 1 && written("health") >= 6;
            });
    assertThat(written("load")).isEqualTo(1);
    // Not because nothing is written any more.
    report(agent.port(), "{\"load\": 0.7}");
    await().atMost(LONG).until(() -> written("load") == 2);
  }

  private double written(String kind) {
    return telemetry.meters().counter("bolina.agent.registry.writes", "kind", kind).count();
  }

  @Test
  void without_the_right_it_says_which_one_is_missing() throws Exception {
    sandbox.withAcls("6f0c4c0a-0f4e-4d0e-8c0b-1f4f6c1b7a11");
    sandbox.consul();
    Agent agent = agent("b-1", 7001, a -> a);
    await().atMost(LONG).until(() -> send(agent.port(), "GET", "/healthz", "").statusCode() == 503);
    assertThat(send(agent.port(), "GET", "/healthz", "").body())
        .contains("403")
        .contains("service:write on 'bolina'");
  }

  @Test
  void the_documented_rights_suffice() throws Exception {
    sandbox.withAcls("6f0c4c0a-0f4e-4d0e-8c0b-1f4f6c1b7a11");
    ConsulApi api = sandbox.consul().api();
    String rules =
        "service \\\"bolina\\\" { policy = \\\"write\\\" }"
            + " key_prefix \\\"bolina/load/bolina/\\\" { policy = \\\"write\\\" }"
            + " key_prefix \\\"bolina/gone/bolina/\\\" { policy = \\\"write\\\" }"
            + " session_prefix \\\"\\\" { policy = \\\"write\\\" }";
    api.put("/v1/acl/policy", "{\"Name\": \"server\", \"Rules\": \"" + rules + "\"}");
    String token = "0a3d7c66-8d0e-4a55-9d2b-7f1c0b6d1a02";
    api.put(
        "/v1/acl/token",
        "{\"SecretID\": \"" + token + "\", \"Policies\": [{\"Name\": \"server\"}]}");
    Agent agent = agent("b-1", 7001, a -> a, Optional.of(token));
    report(agent.port(), "{\"load\": 0.3, \"sessions\": 0}");
    awaitStatus("b-1", "passing");
    await().atMost(LONG).until(() -> load("b-1").isPresent());
    send(agent.port(), "POST", "/v1/drain", "");
    report(agent.port(), "{\"load\": 0.3, \"sessions\": 0}");
    assertThat(agent.awaitDrained(LONG)).isTrue();
    assertThat(load("b-1")).isEmpty();
  }

  @Test
  void a_drain_by_maintenance_mode_can_be_called_off() throws Exception {
    Agent agent = agent("b-1", 7001, a -> a);
    report(agent.port(), "{\"load\": 0.3, \"sessions\": 5}");
    await().atMost(LONG).until(() -> load("b-1").isPresent());
    sandbox.consul().api().maintenance("b-1", true);
    await()
        .atMost(LONG)
        .until(
            () ->
                report(agent.port(), "{\"load\": 0.3, \"sessions\": 5}")
                    .contains("\"draining\":true"));
    assertThat(send(agent.port(), "GET", "/v1/drain", "").body()).contains("5 sessions to end");
    sandbox.consul().api().maintenance("b-1", false);
    await()
        .atMost(LONG)
        .until(
            () ->
                report(agent.port(), "{\"load\": 0.3, \"sessions\": 5}")
                    .contains("\"draining\":false"));
    assertThat(send(agent.port(), "GET", "/v1/drain", "").body()).contains("not draining");
  }

  @Test
  void a_server_drained_by_sigterm_keeps_every_session_to_the_end_and_gets_no_new_client()
      throws Exception {
    StandInServer drained = sandbox.closed(Sandbox.startServer("b-1"));
    StandInServer other = sandbox.closed(Sandbox.startServer("b-2"));
    int listen = FreePort.tcp();
    BolinaProcess process = process(drained.address().getPort(), listen);
    Agent second = agent("b-2", other.address().getPort(), a -> a);
    sandbox.controlPlane("cp");
    var envoy = sandbox.envoy("edge");
    String endpoint = "127.0.0.1:" + drained.address().getPort();
    await().atMost(LONG).until(() -> envoy.servers(SERVICE).size() == 2);
    await()
        .atMost(LONG)
        .until(() -> envoy.servers(SERVICE).values().stream().allMatch("HEALTHY"::equals));
    report(second.port(), "{\"load\": 0.2, \"sessions\": 40}");
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(80, "b-1", "b-2");
    report(listen, "{\"load\": 0.2, \"sessions\": 40}");

    process.child().signal("TERM");
    await().atMost(LONG).until(() -> "DEGRADED".equals(envoy.servers(SERVICE).get(endpoint)));
    crowd.arriveOn(40, "b-2");
    crowd.allStay();
    assertThat(process.child().isAlive()).as("it waits for the sessions").isTrue();
    String answer = report(listen, "{\"load\": 0.0, \"sessions\": 0}");
    assertThat(answer).contains("\"draining\":true");
    await().atMost(LONG).until(() -> !process.child().isAlive());
    assertThat(process.child().terminate()).isZero();
    assertThat(load("b-1")).isEmpty();
    assertThat(sandbox.consul().api().get("/v1/agent/services").has("b-1")).isFalse();
    // Deregistered on purpose: whoever was not counted is served by the other one.
    await()
        .atMost(LONG)
        .until(
            () ->
                crowd.clients().talk(Patience.LONG).isEmpty()
                    && crowd.byServer().keySet().equals(Set.of("b-2")));
  }

  private BolinaProcess process(int port, int listen, String... more) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "agent",
                "--consul",
                sandbox.consul().url().toString(),
                "--service",
                SERVICE,
                "--id",
                "b-1",
                "--address",
                "127.0.0.1",
                "--port",
                Integer.toString(port),
                "--listen",
                "127.0.0.1:" + listen));
    if (!List.of(more).contains("--silence-warning")) {
      String never = NEVER.toMinutes() + "m";
      arguments.addAll(List.of("--silence-warning", never, "--silence-critical", never));
    }
    arguments.addAll(List.of(more));
    return sandbox.closed(
        BolinaProcess.start(
            sandbox.directory().resolve("agent.log"), arguments.toArray(new String[0])));
  }

  private void awaitStatus(String id, String status) {
    await()
        .atMost(LONG)
        .ignoreExceptions()
        .until(() -> check(id).path("Status").asText().equals(status));
  }

  /** Reports the same again and again until Consul has a status. */
  private void awaitReported(Agent agent, String id, String report, String status) {
    await()
        .atMost(LONG)
        .ignoreExceptions()
        .until(
            () -> {
              report(agent.port(), report);
              return check(id).path("Status").asText().equals(status);
            });
  }

  @Test
  void a_second_sigterm_does_not_wait_for_sessions() throws Exception {
    int listen = FreePort.tcp();
    BolinaProcess process = process(7001, listen);
    awaitStatus("b-1", "passing");
    report(listen, "{\"load\": 0.2, \"sessions\": 9}");
    process.child().signal("TERM");
    await()
        .atMost(LONG)
        .until(() -> send(listen, "GET", "/v1/drain", "").body().contains("9 sessions to end"));
    process.child().signal("TERM");
    await().atMost(LONG).until(() -> !process.child().isAlive());
    assertThat(process.child().terminate()).isZero();
    assertThat(sandbox.consul().api().get("/v1/agent/services").has("b-1")).isFalse();
  }

  @Test
  void with_consul_out_of_reach_a_second_sigterm_still_ends_it() throws Exception {
    int listen = FreePort.tcp();
    BolinaProcess process = process(7001, listen);
    awaitStatus("b-1", "passing");
    sandbox.consul().kill();
    process.child().signal("TERM");
    await()
        .atMost(LONG)
        .until(() -> send(listen, "GET", "/v1/drain", "").body().contains("to end"));
    process.child().signal("TERM");
    await().atMost(LONG).until(() -> !process.child().isAlive());
    assertThat(process.child().log()).contains("drained; cannot deregister server");
  }

  @Test
  void the_drain_command_waits_until_it_is_done_and_shows_for_what() throws Exception {
    int listen = FreePort.tcp();
    BolinaProcess process = process(7001, listen);
    awaitStatus("b-1", "passing");
    report(listen, "{\"load\": 0.2, \"sessions\": 2}");
    Path log = sandbox.directory().resolve("drain.log");
    BolinaProcess drain =
        sandbox.closed(
            BolinaProcess.start(log, "agent", "drain", "--agent", "http://127.0.0.1:" + listen));
    await().atMost(LONG).until(() -> Files.readString(log).contains("2 sessions to end"));
    BolinaProcess status =
        sandbox.closed(
            BolinaProcess.start(
                sandbox.directory().resolve("status.log"),
                "agent",
                "drain",
                "--status",
                "--agent",
                "http://127.0.0.1:" + listen));
    await().atMost(LONG).until(() -> !status.child().isAlive());
    assertThat(status.child().log()).contains("2 sessions to end");
    report(listen, "{\"load\": 0, \"sessions\": 0}");
    await().atMost(LONG).until(() -> !drain.child().isAlive() && !process.child().isAlive());
    assertThat(drain.child().terminate()).isZero();
    assertThat(drain.child().log()).contains("done");
  }

  @Test
  void a_server_that_does_not_report_is_probed_and_settings_may_come_from_a_file()
      throws Exception {
    StandInServer server = Sandbox.startServer("b-1");
    int listen = FreePort.tcp();
    Path config =
        Files.writeString(
            sandbox.directory().resolve("agent.yaml"),
            "probe-udp: hello=b-1\nload-command: echo 0.61\n");
    BolinaProcess process =
        process(server.address().getPort(), listen, "--config", config.toString());
    awaitStatus("b-1", "passing");
    await().atMost(LONG).until(() -> load("b-1").filter(l -> l.contains("0.61")).isPresent());
    server.close();
    long start = System.nanoTime();
    awaitStatus("b-1", "critical");
    System.out.printf("critical %.1f s after the server died%n", (System.nanoTime() - start) / 1e9);
    assertThat(check("b-1").path("Output").asText())
        .isIn(
            "connection refused: nothing listens on UDP 127.0.0.1:" + server.address().getPort(),
            "no UDP socket is bound to port " + server.address().getPort());
    await().atMost(LONG).until(() -> process.child().log().contains("server is gone"));
  }

  @Test
  void two_agents_with_one_id_are_noticed() throws Exception {
    agent("b-1", 7001, a -> a);
    awaitStatus("b-1", "passing");
    agent("b-1", 7002, a -> a);
    await()
        .atMost(LONG)
        .until(
            () ->
                telemetry
                    .meters()
                    .scrape()
                    .contains("bolina_bad_input_total{kind=\"duplicate-server-id\"}"));
  }

  @Test
  void a_killed_agent_closes_its_server_when_the_ttl_is_over_and_breaks_nothing() throws Exception {
    StandInServer server = sandbox.closed(Sandbox.startServer("b-1"));
    sandbox.server("b-2");
    int listen = FreePort.tcp();
    BolinaProcess process = process(server.address().getPort(), listen, "--ttl", "10s");
    awaitStatus("b-1", "passing");
    sandbox.controlPlane("cp");
    var envoy = sandbox.envoy("edge");
    String endpoint = "127.0.0.1:" + server.address().getPort();
    await()
        .atMost(LONG)
        .until(
            () ->
                envoy.servers(SERVICE).size() == 2
                    && envoy.servers(SERVICE).values().stream().allMatch("HEALTHY"::equals));
    Crowd crowd = new Crowd(sandbox);
    crowd.arriveOn(80, "b-1", "b-2");
    process.child().kill();
    await().atMost(LONG).until(() -> "DEGRADED".equals(envoy.servers(SERVICE).get(endpoint)));
    crowd.arriveOn(40, "b-2");
    crowd.allStay();
    process(server.address().getPort(), listen, "--ttl", "10s");
    await().atMost(LONG).until(() -> "HEALTHY".equals(envoy.servers(SERVICE).get(endpoint)));
    crowd.arriveOn(80, "b-1", "b-2");
    crowd.allStay();
  }

  @Test
  void the_example_in_cpp_compiles_and_reports() throws Exception {
    String page = Files.readString(Installation.home().resolve("docs/agent.md"));
    String source = page.substring(page.indexOf("```cpp\n") + 7);
    source = source.substring(0, source.indexOf("```"));
    Path file = Files.writeString(sandbox.directory().resolve("report.cpp"), source);
    Path program = sandbox.directory().resolve("report");
    assertThat(
            run(
                "g++",
                "-std=c++17",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-o",
                program.toString(),
                file.toString()))
        .as("the compiler's output (there must be a g++: apt-get install g++)")
        .isEmpty();
    Agent agent = agent("b-1", 7001, a -> a);
    // It waits two seconds for an answer, and is to report again if there is none.
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        run(
                            program.toString(),
                            Integer.toString(agent.port()),
                            "warning",
                            "0.33",
                            "12"))
                    .contains("200 OK", "\"draining\":false"));
    awaitStatus("b-1", "warning");
    await().atMost(LONG).until(() -> load("b-1").filter(l -> l.contains("0.33")).isPresent());
  }

  @Test
  void the_hook_of_a_pod_waits_for_the_sessions_however_often_it_is_run() throws Exception {
    Path hook = hook();
    Agent agent = agent("b-1", 7001, a -> a.withHealthAtStart(Health.CRITICAL));
    awaitStatus("b-1", "critical");
    RequestLog asked = sandbox.closed(new RequestLog(agent.port()));
    assertThat(hook(hook, asked, "started")).as("closed until its first report").isOne();
    report(agent.port(), "{\"load\": 0.1, \"sessions\": 3}");
    await().atMost(LONG).until(() -> hook(hook, asked, "started") == 0);

    Child first = startHook(hook, asked, "drain", "60");
    Child again = startHook(hook, asked, "drain", "60");
    await().atMost(LONG).until(() -> asked.answered("PUT /v1/drain") == 2);
    assertThat(report(agent.port(), "{\"load\": 0.1, \"sessions\": 3}"))
        .as("two are no reason to hurry")
        .contains("\"draining\":true", "\"over\":false");
    assertThat(first.isAlive() && again.isAlive()).isTrue();
    await().atMost(LONG).until(() -> asked.underWay("GET /v1/drained") == 2);
    report(agent.port(), "{\"load\": 0, \"sessions\": 0}");
    assertThat(agent.awaitDrained(LONG)).isTrue();
    agent.close();
    assertThat(first.awaitEnd(LONG)).isZero();
    assertThat(again.awaitEnd(LONG)).isZero();

    // Nobody to ask: it cannot know that there are no sessions.
    assertThat(hook(hook, asked, "drain", "1")).isOne();
  }

  private Path hook() throws Exception {
    Path hook = sandbox.directory().resolve("bolina-hook");
    String said =
        run(
            "cc",
            "-std=c11",
            "-D_GNU_SOURCE",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-static",
            "-o",
            hook.toString(),
            Installation.home().resolve("deploy/image/hook.c").toString());
    assertThat(said).as("the compiler's output (there must be a cc)").isEmpty();
    Path installed = Files.createDirectory(sandbox.directory().resolve("pod"));
    assertThat(run(hook.toString(), "install", installed.toString())).isEmpty();
    return installed.resolve("bolina-hook");
  }

  /** A run of the hook, with its status. */
  private static int hook(Path hook, RequestLog agent, String... arguments) throws IOException {
    return Command.of(hookCommand(hook, arguments))
        .with("BOLINA_AGENT_PORT", Integer.toString(agent.port()))
        .end()
        .status();
  }

  /** A run of the hook that is waited for later. */
  private Child startHook(Path hook, RequestLog agent, String... arguments) throws IOException {
    return sandbox.closed(
        Child.start(
            "the hook",
            hookCommand(hook, arguments),
            Map.of("BOLINA_AGENT_PORT", Integer.toString(agent.port())),
            sandbox.directory().resolve("hook.log")));
  }

  private static List<String> hookCommand(Path hook, String... arguments) {
    List<String> command = new ArrayList<>(List.of(hook.toString()));
    command.addAll(List.of(arguments));
    return command;
  }

  private static String run(String... command) throws IOException {
    return Command.of(command).run();
  }

  /** Passes every request on to an agent, and knows which ones have been answered. */
  private static final class RequestLog implements AutoCloseable {
    private final List<String> received = new CopyOnWriteArrayList<>();
    private final List<String> answered = new CopyOnWriteArrayList<>();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final HttpServer http;

    RequestLog(int agent) throws IOException {
      http = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      http.setExecutor(threads);
      http.createContext(
          "/",
          exchange -> {
            String request = exchange.getRequestMethod() + " " + exchange.getRequestURI();
            received.add(request);
            try (exchange) {
              AdminAnswer answer =
                  send(
                      agent,
                      exchange.getRequestMethod(),
                      exchange.getRequestURI().toString(),
                      new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
              answered.add(request);
              byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
              exchange.sendResponseHeaders(answer.statusCode(), body.length);
              exchange.getResponseBody().write(body);
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          });
      http.start();
    }

    int port() {
      return http.getAddress().getPort();
    }

    long answered(String request) {
      return answered.stream().filter(request::equals).count();
    }

    long underWay(String request) {
      return received.stream().filter(request::equals).count() - answered(request);
    }

    @Override
    public void close() {
      http.stop(0);
      threads.shutdownNow();
    }
  }
}
