package io.bolina.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.Command;
import io.bolina.sandbox.process.RealPart;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The units of deploy/systemd under a real systemd, in a machine of its own (src-test-it/machine),
 * with clients that talk all the time.
 */
class PlainMachineIT {
  private static final String FLEET =
      "import urllib.request as u; print(u.urlopen('http://127.0.0.1:18080/fleet').read().decode())";
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir private Path directory;
  private Path state;
  private Child talking;

  @BeforeEach
  void start() throws Exception {
    Command.of(Installation.home().resolve("deploy/envoy/build").toString()).run();
    Command.of(script(), "up", directory.toString()).run();
    state = directory.resolve("state");
    in(
        "cp",
        RealPart.ENVOY.installed().toString(),
        RealPart.CONSUL.installed().toString(),
        "/usr/local/bin/");
    in("sh", "-c", "cp /opt/bolina/deploy/systemd/*.service /etc/systemd/system/");
    // What an operator brings along: Consul, the servers' own unit, the settings.
    write(
        "/etc/systemd/system/consul.service",
        """
        [Service]
        User=bolina
        StateDirectory=consul
        ExecStart=/usr/local/bin/consul agent -server -bootstrap-expect=1 -data-dir=/var/lib/consul -bind=127.0.0.1 -log-level=warn
        """);
    write(
        "/etc/systemd/system/bolina-server@.service",
        """
        [Service]
        User=bolina
        ExecStart=/opt/bolina/bolina server --id %i --port 700%i --session-idle 2s --report http://127.0.0.1:707%i
        SuccessExitStatus=143
        """);
    // No more than this machine may grant.
    in("mkdir", "-p", "/etc/systemd/system/bolina-envoy.service.d");
    write("/etc/systemd/system/bolina-envoy.service.d/test.conf", "[Service]\nLimitNOFILE=15000\n");
    certificates();
    configure("max-sessions: 10000");
    for (int i = 1; i <= 2; i++) {
      write(
          "/etc/bolina/agent-" + i + ".yaml",
          "service: bolina\nid: b-%1$d\naddress: 127.0.0.1\nport: 700%1$d\nlisten: 127.0.0.1:707%1$d\ndrain-time: 5m\nprobe-udp: ping\n"
              .formatted(i));
    }
    in(
        "sh",
        "-c",
        "/opt/bolina/bolina envoy-bootstrap --gate --node-id here --into /etc/bolina --tls-ca-file /etc/bolina/tls/ca.crt --tls-cert-file /etc/bolina/tls/envoy.crt --tls-key-file /etc/bolina/tls/envoy.key --tls-server-name control-plane.bolina && systemctl daemon-reload");
    in(
        "systemctl",
        "start",
        "consul",
        "bolina-control-plane",
        "bolina-envoy",
        "bolina-server@1",
        "bolina-agent@1",
        "bolina-server@2",
        "bolina-agent@2");
    talking =
        Child.start(
            "talk.py",
            command(
                "python3",
                "/opt/bolina/src-test-it/talk.py",
                "127.0.0.1:10000",
                "20",
                "/mnt/state"),
            Map.of(),
            directory.resolve("talk.log"));
  }

  @AfterEach
  void stop() throws Exception {
    talking.close();
    Command.of(script(), "down", directory.toString()).run();
  }

  /** As docs/security.md has it. */
  private void certificates() throws IOException {
    in(
        "sh",
        "-ec",
        """
        mkdir -p /etc/bolina/tls && cd /etc/bolina/tls
        consul tls ca create -domain bolina
        consul tls cert create -domain bolina -server -additional-dnsname control-plane.bolina
        consul tls cert create -domain bolina -client -additional-dnsname here.edges.bolina
        mv bolina-agent-ca.pem ca.crt
        mv dc1-server-bolina-0.pem tls.crt
        mv dc1-server-bolina-0-key.pem tls.key
        mv dc1-client-bolina-0.pem envoy.crt
        mv dc1-client-bolina-0-key.pem envoy.key
        chown bolina: *.key
        """);
  }

  private void configure(String more) throws IOException {
    write(
        "/etc/bolina/control-plane.yaml",
        """
        service: [bolina=0.0.0.0:10000]
        xds: 0.0.0.0:18000
        xds-cert-file: /etc/bolina/tls/tls.crt
        xds-key-file: /etc/bolina/tls/tls.key
        xds-client-ca-file: /etc/bolina/tls/ca.crt
        xds-peer: ["*.edges.bolina=bolina"]
        """
            + more
            + "\n");
  }

  @Test
  void restarts_break_nothing_and_stopping_a_server_drains_it() throws Exception {
    clientsComeToBothServers();

    in("systemctl", "restart", "bolina-control-plane");
    awaitAnswers();

    // A wrong configuration is reported with its place; the Envoy goes on without a control plane.
    configure("max-sesions: 10000");
    assertThat(
            status(
                "/opt/bolina/bolina",
                "control-plane",
                "--config",
                "/etc/bolina/control-plane.yaml",
                "--check"))
        .isNotZero();
    assertThat(status("systemctl", "restart", "bolina-control-plane")).isNotZero();
    assertThat(in("journalctl", "--no-pager", "--unit", "bolina-control-plane"))
        .contains("did you mean 'max-sessions'?");
    awaitAnswers();
    configure("max-sessions: 10000");
    await().until(() -> status("systemctl", "is-active", "bolina-control-plane") == 0);

    in("systemctl", "kill", "--signal", "KILL", "bolina-agent@2");
    await()
        .until(
            () ->
                !in("systemctl", "show", "--property", "NRestarts", "bolina-agent@2")
                    .contains("=0"));
    awaitAnswers();

    // systemd stops the agent first, which waits for the sessions, and only then the server.
    in("systemctl", "stop", "--no-block", "bolina-server@1");
    await()
        .until(
            () ->
                in("journalctl", "--no-pager", "--unit", "bolina-agent@1")
                    .contains("draining; closed to new clients"));
    awaitAnswers();
    assertThat(status("systemctl", "is-active", "bolina-server@1")).as("it waits").isZero();
    control("leave", "1");
    await().until(() -> status("systemctl", "is-active", "bolina-server@1") != 0);
    assertThat(in("journalctl", "--no-pager", "--unit", "bolina-agent@1"))
        .contains("drained; server deregistered server=b-1");
    awaitAnswers();
    assertThat(in("systemctl", "list-units", "--failed", "--no-legend")).doesNotContain("bolina");

    aServerIsKilledWithItsAgent();
    envoyIsReplaced();
  }

  /** The unit's reload returns when the next Envoy is ready, and fails if it cannot be. */
  private void envoyIsReplaced() throws IOException {
    in("systemctl", "reload", "bolina-envoy");
    String log = in("journalctl", "--no-pager", "--unit", "bolina-envoy");
    assertThat(log).contains("Envoy is ready; the one before hands over: epoch=1");
    await()
        .until(
            () ->
                in("journalctl", "--no-pager", "--unit", "bolina-envoy")
                    .contains("handed over: epoch=1"));
    int now = state().path("round").asInt();
    await().until(() -> state().path("answered").asInt() > now);

    in("sh", "-c", "echo nonsense: 1 >> /etc/bolina/envoy.yaml");
    assertThat(status("systemctl", "reload", "bolina-envoy")).isNotZero();
    assertThat(status("systemctl", "is-active", "bolina-envoy")).isZero();
    int then = state().path("round").asInt();
    await().until(() -> state().path("answered").asInt() > then);
  }

  /** Its agent is restarted, finds that its port refuses, and says that it is gone. */
  private void aServerIsKilledWithItsAgent() throws IOException {
    in("systemctl", "start", "bolina-server@1", "bolina-agent@1");
    awaitBothOpen();
    assertThat(clientsOn(2)).isPositive();
    long begin = System.nanoTime();
    in("systemctl", "kill", "--signal", "KILL", "bolina-agent@2", "bolina-server@2");
    int now = state().path("round").asInt();
    await().until(() -> clientsOn(2) == 0 && state().path("answered").asInt() > now);
    System.out.printf(
        "a server and its agent killed: its clients served by another after %.1f s%n",
        (System.nanoTime() - begin) / 1e9);
    assertThat(in("journalctl", "--no-pager", "--unit", "bolina-agent@2"))
        .contains("server is gone; its clients are given another");
  }

  /**
   * Clients come until there are some on each server: who came before both were open is on the
   * first.
   */
  private void clientsComeToBothServers() throws IOException {
    await().until(() -> Files.exists(state));
    awaitBothOpen();
    awaitAnswers();
    for (int tries = 0; tries < 50 && (clientsOn(1) == 0 || clientsOn(2) == 0); tries++) {
      control("come", "5");
      awaitAnswers();
    }
    assertThat(clientsOn(1)).isPositive();
    assertThat(clientsOn(2)).isPositive();
  }

  private void awaitBothOpen() {
    await()
        .ignoreExceptions()
        .until(() -> JSON.readTree(in("python3", "-c", FLEET)).at("/services/0/open").asInt() == 2);
  }

  private int clientsOn(int server) throws IOException {
    return state().path("on").path(Integer.toString(server)).asInt();
  }

  /** Every client is answered from now on, and none has lost its connection so far. */
  private void awaitAnswers() throws IOException {
    int now = state().path("round").asInt();
    await().until(() -> state().path("answered").asInt() > now);
    assertThat(state().path("breaks").asInt()).as("broken connections").isZero();
  }

  /** Has clients come or leave, and waits until they have. */
  private void control(String what, String value) throws IOException {
    Path aside = Files.writeString(directory.resolve("aside"), value);
    Path file = directory.resolve("state." + what);
    Files.move(aside, file);
    await().until(() -> Files.notExists(file));
  }

  /** How the clients stand. */
  private JsonNode state() throws IOException {
    return JSON.readTree(Files.readString(state));
  }

  // ------------------------------------------------------------ the machine

  private static String script() throws IOException {
    return Installation.home().resolve("src-test-it/machine").toString();
  }

  private List<String> command(String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of(script(), "run", directory.toString()));
    command.addAll(List.of(words));
    return command;
  }

  /** Runs a command in the machine, and returns what it says. */
  private String in(String... words) throws IOException {
    return Command.of(command(words)).run();
  }

  private int status(String... words) throws IOException {
    return Command.of(command(words)).end().status();
  }

  private void write(String file, String text) throws IOException {
    Command.of(command("tee", file)).input(text).run();
  }
}
