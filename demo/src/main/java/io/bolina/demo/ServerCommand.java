package io.bolina.demo;

import com.sun.net.httpserver.HttpServer;
import io.bolina.launcher.AsTime;
import io.bolina.launcher.CommandProvider;
import io.bolina.runtime.AdminClient;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.Signals;
import io.bolina.sandbox.server.StandInServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bolina server}: a stand-in Bolina Server. */
@Command(
    name = "server",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Runs a stand-in for a Bolina Server (UDP, persistent connections). It answers every datagram with its id,",
      "the number of datagrams it has had on that connection, and the datagram itself. With --report it tells an",
      "agent beside it how many live sessions it has, and what load that is.",
      ""
    },
    footer = {
      "",
      "Example:",
      "  bolina server --port 7001 --id b-1",
      "  curl -X PUT http://127.0.0.1:8500/v1/agent/service/register \\",
      "       -d '{\"ID\":\"b-1\",\"Name\":\"bolina\",\"Address\":\"127.0.0.1\",\"Port\":7001}'"
    })
public final class ServerCommand implements Callable<Integer> {
  @Option(
      names = "--id",
      paramLabel = "ID",
      required = true,
      description = "What it calls itself in its answers; best its id in Consul.")
  private String id;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      required = true,
      description = "The UDP port; 0 lets the system choose.")
  private int port;

  @Option(
      names = "--address",
      paramLabel = "IP",
      defaultValue = "127.0.0.1",
      description = "The address to listen on. Default: ${DEFAULT-VALUE}.")
  private String address;

  @Option(
      names = "--session-idle",
      paramLabel = "TIME",
      defaultValue = "30s",
      converter = AsTime.class,
      description =
          "A connection without a datagram for so long is no live session. Default: ${DEFAULT-VALUE}.")
  private Duration sessionIdle;

  @Option(
      names = "--report",
      paramLabel = "URL",
      description = "The agent to report to every second, such as http://127.0.0.1:7070.")
  private URI report;

  @Option(
      names = "--capacity",
      paramLabel = "N",
      defaultValue = "100",
      description = "How many sessions are a load of 1 in its reports. Default: ${DEFAULT-VALUE}.")
  private int capacity;

  @Option(
      names = "--control",
      paramLabel = "PORT",
      description =
          "A TCP port of 127.0.0.1 on which PUT /health takes what it is to report: passing, warning or critical.")
  private Integer control;

  @Spec private CommandSpec spec;

  private boolean unheard;
  private volatile String health = "passing";

  @Override
  public Integer call() throws IOException, InterruptedException {
    var out = spec.commandLine().getOut();
    try (StandInServer server =
        StandInServer.start(id, new InetSocketAddress(address, port), sessionIdle)) {
      CountDownLatch stop = Signals.stopLatch();
      if (control != null) {
        listenForHealth();
      }
      out.println(
          id
              + " listens on "
              + address
              + ":"
              + server.address().getPort()
              + " (UDP); Ctrl-C ends it");
      long last = 0;
      while (!stop.await(1, TimeUnit.SECONDS)) {
        long sessions = server.sessions();
        report(sessions);
        if (sessions != last) {
          out.println(id + ": " + sessions + (sessions == 1 ? " session" : " sessions"));
          last = sessions;
        }
      }
    }
    return ExitStatus.OK;
  }

  private void listenForHealth() throws IOException {
    HttpServer http =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), control), 0);
    http.createContext(
        "/health",
        exchange -> {
          try (exchange) {
            health =
                new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)
                    .strip();
            exchange.sendResponseHeaders(204, -1);
          }
        });
    http.start();
  }

  private void report(long sessions) throws InterruptedException {
    if (report == null) {
      return;
    }
    String status =
        String.format(
            Locale.ROOT,
            "{\"health\": \"%s\", \"load\": %.4f, \"sessions\": %d}",
            health,
            sessions / (double) capacity,
            sessions);
    try {
      new AdminClient("agent", report, "--report").ask("PUT", "/v1/status", status);
      unheard = false;
    } catch (IOException e) {
      if (!unheard) {
        spec.commandLine().getErr().println(e.getMessage());
      }
      unheard = true;
    }
  }

  /** Adds it to the command line. */
  public static final class Provider implements CommandProvider {
    @Override
    public Object command() {
      return new ServerCommand();
    }
  }
}
