package io.bolina.sandbox;

import io.bolina.runtime.HostPort;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.sandbox.process.FreePort;
import io.bolina.sandbox.process.Waiting;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * A stand-in server and the agent beside it, each a process of its own, as on a real host: either
 * can be killed or stopped without the other. The agent is given the server's process (a file with
 * its id), so that it can see it end.
 */
public final class ServerWithAgent implements AutoCloseable {
  private final Path directory;
  private final String id;
  private final URI consul;
  private final List<String> agentOptions;
  private final HostPort agentAt;
  private volatile HostPort endpoint;
  private volatile BolinaProcess server;
  private volatile BolinaProcess agent;

  /**
   * Chooses their ports; starts nothing yet.
   *
   * @param directory where their logs are kept
   * @param consul the Consul agent of their host
   * @param agentOptions of the agent, beside where it is and what it is beside
   */
  public ServerWithAgent(Path directory, String id, URI consul, String... agentOptions)
      throws IOException {
    this.directory = directory;
    this.id = id;
    this.consul = consul;
    this.agentOptions = List.of(agentOptions);
    this.agentAt = new HostPort("127.0.0.1", FreePort.tcp());
    this.endpoint = new HostPort("127.0.0.1", FreePort.udp());
  }

  public String id() {
    return id;
  }

  /** Where clients reach it, by UDP; its process also listens there by TCP. */
  public HostPort endpoint() {
    return endpoint;
  }

  /** Where the agent takes the server's reports. */
  public HostPort agentAt() {
    return agentAt;
  }

  public BolinaProcess server() {
    return server;
  }

  public BolinaProcess agent() {
    return agent;
  }

  /** Starts the server and, beside it, its agent. */
  public void start() throws IOException {
    startServer();
    startAgent();
  }

  /** Starts the server, again if it has ended. It need not answer yet. */
  public void startServer() throws IOException {
    server =
        BolinaProcess.start(
            directory.resolve(id + ".log"),
            "server",
            "--id",
            id,
            "--port",
            Integer.toString(endpoint.port()),
            "--control",
            Integer.toString(endpoint.port()));
    Files.writeString(pidFile(), Long.toString(server.child().pid()));
  }

  /** Starts the agent, again if it has ended. */
  public void startAgent() throws IOException {
    agent =
        BolinaProcess.start(
            directory.resolve(id + "-agent.log"),
            Stream.concat(
                    Stream.of(
                        "agent",
                        "--consul",
                        consul.toString(),
                        "--service",
                        Sandbox.SERVICE,
                        "--id",
                        id,
                        "--address",
                        endpoint.host(),
                        "--port",
                        Integer.toString(endpoint.port()),
                        "--listen",
                        agentAt.toString(),
                        "--probe-pid-file",
                        pidFile().toString()),
                    agentOptions.stream())
                .toArray(String[]::new));
  }

  /** From its next start on both use another port. */
  public void changePort() throws IOException {
    endpoint = new HostPort(endpoint.host(), FreePort.udp());
  }

  /** From its next start on both use this port. */
  public void changePort(int port) {
    endpoint = new HostPort(endpoint.host(), port);
  }

  /** Waits until the server answers a datagram. */
  public void awaitAnswering() {
    Waiting.until(
        "server " + id + " to answer", Waiting.LONG, this::answers, server.child()::lastWords);
  }

  /** Whether the server answers a datagram now. */
  public boolean answers() {
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.connect(endpoint.socketAddress());
      socket.setSoTimeout(200);
      byte[] text = "ping".getBytes(StandardCharsets.UTF_8);
      socket.send(new DatagramPacket(text, text.length));
      socket.receive(new DatagramPacket(new byte[512], 512));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /**
   * Reports to the agent as the server would.
   *
   * @param health passing, warning or critical
   * @throws IOException if the agent does not take it
   */
  public void report(String health, double load, long sessions)
      throws IOException, InterruptedException {
    ask(
        "PUT",
        "/v1/status",
        String.format(
            Locale.ROOT,
            "{\"health\": \"%s\", \"load\": %.4f, \"sessions\": %d}",
            health,
            load,
            sessions));
  }

  /** Tells the agent to drain the server and to leave once its drain time is over. */
  public void drain() throws IOException, InterruptedException {
    ask("PUT", "/v1/drain", "");
  }

  private void ask(String method, String path, String body)
      throws IOException, InterruptedException {
    AdminAnswer answer =
        new AdminClient("agent", URI.create("http://" + agentAt), "listen").ask(method, path, body);
    if (answer.statusCode() / 100 != 2) {
      throw new IOException(
          "the agent of " + id + " answered with " + answer.statusCode() + ": " + answer.body());
    }
  }

  private Path pidFile() {
    return directory.resolve(id + ".pid");
  }

  @Override
  public void close() {
    if (agent != null) {
      agent.child().kill();
    }
    if (server != null) {
      server.child().kill();
    }
  }
}
