package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Server;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.http.AdminClient;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may report to an agent and drain its server, and that nobody keeps others from it. */
class AgentPagesTest {
  private static final String TOKEN = "0123456789abcdef";

  @TempDir private Path directory;

  private static Agent agent(AgentAccess access) throws IOException {
    return Agent.start(
        AgentConfig.of(new Server("b-1", "bolina", "127.0.0.1", 7001, "", Map.of()))
            .withListen("127.0.0.1", 0)
            .withReportDeadlines(Duration.ofMinutes(10), Duration.ofMinutes(20))
            .withAccess(access),
        new InMemoryRegistrar(),
        Telemetry.create());
  }

  private static AdminClient client(Agent agent) {
    return new AdminClient("agent", URI.create("http://127.0.0.1:" + agent.port()), "listen");
  }

  private static Socket send(Agent agent, String request) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), agent.port());
    socket.setSoTimeout(30_000);
    socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
    return socket;
  }

  private static String answer(Agent agent, String request) throws IOException {
    try (Socket socket = send(agent, request)) {
      ByteArrayOutputStream answer = new ByteArrayOutputStream();
      socket.getInputStream().transferTo(answer);
      return answer.toString(StandardCharsets.UTF_8);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Host: localhost\r\nOrigin: http://evil.example\r\n",
        "Host: localhost\r\nOrigin: null\r\n",
        "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n",
        "Host: rebound.example\r\n",
        "Host: rebound.example:7070\r\nOrigin: http://rebound.example:7070\r\nSec-Fetch-Site: same-origin\r\n"
      })
  void a_page_in_a_browser_drains_no_server(String headers) throws Exception {
    try (Agent agent = agent(AgentAccess.DEFAULTS)) {
      for (String path : List.of("/v1/drain", "/v1/drain?within=1s")) {
        assertThat(
                answer(
                    agent,
                    "POST "
                        + path
                        + " HTTP/1.1\r\n"
                        + headers
                        + "Content-Type: text/plain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
            .containsPattern("HTTP/1.1 (403|421)");
      }
      assertThat(agent.state().isDraining()).isFalse();
      assertThat(client(agent).ask("POST", "/v1/drain", "").statusCode()).isEqualTo(202);
      assertThat(agent.state().isDraining()).isTrue();
    }
  }

  /** As programs have it that were written after the example in docs/agent.md. */
  @ParameterizedTest
  @ValueSource(strings = {"agent", "Agent:7070", "localhost", "127.0.0.1:1"})
  void a_server_reports_by_the_names_that_the_agent_has(String host) throws Exception {
    try (Agent agent = agent(AgentAccess.DEFAULTS)) {
      assertThat(
              answer(
                  agent,
                  "PUT /v1/status HTTP/1.1\r\nHost: "
                      + host
                      + "\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"))
          .startsWith("HTTP/1.1 200");
    }
  }

  @Test
  void slow_and_waiting_requests_delay_no_report() throws Exception {
    List<Socket> others = new ArrayList<>();
    try (Agent agent = agent(AgentAccess.DEFAULTS)) {
      for (int i = 0; i < 40; i++) {
        others.add(
            send(
                agent,
                "PUT /v1/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"));
        others.add(send(agent, "GET /v1/drained HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        others.add(send(agent, "PUT /v1/status HTTP/1.1\r\nHost: loc"));
      }
      long before = System.nanoTime();
      for (int i = 0; i < 20; i++) {
        assertThat(client(agent).ask("PUT", "/v1/status", "{\"load\": 0.5}").statusCode())
            .isEqualTo(200);
      }
      assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(5));
    } finally {
      for (Socket other : others) {
        other.close();
      }
    }
  }

  @Test
  void all_who_wait_are_told_at_once_when_the_drain_is_over() throws Exception {
    List<Socket> waiting = new ArrayList<>();
    try (Agent agent = agent(AgentAccess.DEFAULTS)) {
      for (int i = 0; i < 20; i++) {
        waiting.add(send(agent, "GET /v1/drained HTTP/1.1\r\nHost: localhost\r\n\r\n"));
      }
      client(agent).ask("POST", "/v1/drain", "");
      client(agent).ask("POST", "/v1/drain", "");
      for (Socket one : waiting) {
        byte[] line = one.getInputStream().readNBytes("HTTP/1.1 200".length());
        assertThat(new String(line, StandardCharsets.UTF_8)).isEqualTo("HTTP/1.1 200");
      }
    } finally {
      for (Socket one : waiting) {
        one.close();
      }
    }
  }

  @Test
  void a_server_reports_and_is_drained_over_the_socket() throws Exception {
    Path socket = directory.resolve("agent.sock");
    try (Agent agent = agent(new AgentAccess(Optional.of(socket), Optional.empty(), List.of()))) {
      AdminClient client = new AdminClient("agent", URI.create("unix:" + socket), "--agent");
      assertThat(client.ask("PUT", "/v1/status", "{\"load\": 0.5, \"sessions\": 1}").body())
          .contains("\"draining\":false");
      assertThat(client.ask("POST", "/v1/drain?within=9m", "").body()).startsWith("draining: ");
      assertThat(client.ask("GET", "/v1/drain", "").body()).contains("1 session to end");
    }
    assertThat(socket).doesNotExist();
  }

  @Test
  void a_token_is_asked_for_over_tcp_only() throws Exception {
    Path tokens = Files.writeString(directory.resolve("tokens"), TOKEN + "\n");
    Path socket = directory.resolve("agent.sock");
    try (Agent agent =
        agent(new AgentAccess(Optional.of(socket), Optional.of(tokens), List.of()))) {
      AdminClient stranger = client(agent);
      assertThat(stranger.ask("POST", "/v1/drain", "").statusCode()).isEqualTo(401);
      assertThat(stranger.ask("PUT", "/v1/status", "{}").statusCode()).isEqualTo(401);
      assertThat(stranger.ask("GET", "/v1/drained", "").statusCode()).isEqualTo(401);
      assertThat(stranger.ask("GET", "/metrics", "").statusCode()).isEqualTo(200);
      assertThat(stranger.ask("GET", "/startedz", "").statusCode()).isIn(200, 503);
      assertThat(agent.state().isDraining()).isFalse();
      AdminClient known = stranger.withToken(Optional.of(tokens));
      assertThat(known.ask("PUT", "/v1/status", "{}").statusCode()).isEqualTo(200);
      assertThat(
              new AdminClient("agent", URI.create("unix:" + socket), "--agent")
                  .ask("PUT", "/v1/status", "{}")
                  .statusCode())
          .isEqualTo(200);
    }
  }
}
