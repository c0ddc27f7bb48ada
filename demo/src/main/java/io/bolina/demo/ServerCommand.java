package io.bolina.demo;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.ServerToken;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.Signals;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.http.AdminClient;
import io.bolina.runtime.http.PageAnswer;
import io.bolina.runtime.http.PagesServer;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import io.bolina.sandbox.server.StandInServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;

/** {@code bolina server}: a stand-in Bolina Server. */
@Command(
    name = "server",
    description = {
      "Runs a stand-in for a Bolina Server (UDP, persistent connections).",
      "It answers every datagram with its id, the number of datagrams it has had on that connection, and the datagram itself. With"
          + " --report it reports its live sessions and load to an agent beside it.",
      "A datagram that begins with 'token?' is answered with its token (docs/tokens.md), by which datagrams can name it.",
      ""
    },
    footer = {
      "",
      "Example:",
      "  bolina server --port 7001 --id b-1",
      "  curl -X PUT http://127.0.0.1:8500/v1/agent/service/register \\",
      "       -d '{\"ID\":\"b-1\",\"Name\":\"bolina\",\"Address\":\"127.0.0.1\",\"Port\":7001}'"
    })
public final class ServerCommand extends ConfiguredCommand<SettingMap> {
  private static final Setting<String> ID =
      Setting.of("id", SettingType.text("ID"))
          .required()
          .help("Its name in its answers; best its id in Consul.");

  private static final Setting<Integer> PORT =
      Setting.of("port", SettingType.whole("PORT", 0, 65_535))
          .required()
          .help("The UDP port; 0 lets the system choose.");

  private static final Setting<String> ADDRESS =
      Setting.of("address", SettingType.ipAddress())
          .standard("127.0.0.1")
          .help("The address to listen on.");

  private static final Setting<String> TOKEN =
      Setting.of("token", ServerToken.setting())
          .help(
              "Its token, if not the one that its agent tells it, or else the one derived from its id.");

  private static final Setting<Duration> SESSION_IDLE =
      Setting.of("session-idle", SettingType.time())
          .standard("30s")
          .help("A connection without a datagram for this long is no longer counted as a session.");

  private static final Setting<URI> REPORT =
      Setting.of("report", AdminClient.address("http://127.0.0.1:7070"))
          .help(
              "The agent to report to every second, such as http://127.0.0.1:7070, or unix: and the path of its socket.");

  private static final Setting<Integer> CAPACITY =
      Setting.of("capacity", SettingType.whole("N", 1, Integer.MAX_VALUE))
          .standard("100")
          .help("The number of sessions that it reports as a load of 1.");

  private static final Setting<Integer> CONTROL =
      Setting.of("control", SettingType.whole("PORT", 0, 65_535))
          .help(
              "A TCP port of 127.0.0.1 on which PUT /health takes what it is to report: passing, warning or critical.");

  private static final JsonMapper JSON = new JsonMapper();

  private boolean reportFailing;
  private volatile String health = "passing";

  @Override
  public List<Setting<?>> settings() {
    return List.of(ID, PORT, ADDRESS, TOKEN, SESSION_IDLE, REPORT, CAPACITY, CONTROL);
  }

  @Override
  protected SettingMap configure(SettingValues values) {
    return values.toMap();
  }

  @Override
  protected int run(SettingMap settings) throws IOException, InterruptedException {
    String id = settings.get(ID);
    InetSocketAddress listen = new InetSocketAddress(settings.get(ADDRESS), settings.get(PORT));
    try (StandInServer server = StandInServer.start(id, listen, settings.get(SESSION_IDLE))) {
      CountDownLatch stop = Signals.stopLatch();
      settings.find(TOKEN).ifPresent(server::setToken);
      Optional<PagesServer> control = settings.find(CONTROL).map(this::healthPage);
      if (control.isPresent()) {
        control.get().start();
      }
      print(
          id
              + " listens on "
              + settings.get(ADDRESS)
              + ":"
              + server.address().getPort()
              + " (UDP); Ctrl-C ends it");
      long last = 0;
      while (!stop.await(1, TimeUnit.SECONDS)) {
        long sessions = server.sessions();
        if (settings.find(REPORT).isPresent()) {
          Optional<String> told = report(settings.get(REPORT), sessions, settings.get(CAPACITY));
          told.filter(token -> settings.find(TOKEN).isEmpty()).ifPresent(server::setToken);
        }
        if (sessions != last) {
          print(id + ": " + sessions + (sessions == 1 ? " session" : " sessions"));
          last = sessions;
        }
      }
    }
    return ExitStatus.OK;
  }

  private void print(String line) {
    out().println(line);
    out().flush();
  }

  private PagesServer healthPage(int port) {
    return new PagesServer(
            "bolina server", new HostPort("127.0.0.1", port), CONTROL.key(), Telemetry.create())
        .order(
            "PUT",
            "/health",
            "the health to report: passing, warning or critical",
            request -> {
              health = request.body().strip();
              return PageAnswer.text(health + "\n");
            });
  }

  /** Reports, and returns the token in the answer. */
  private Optional<String> report(URI agent, long sessions, int capacity)
      throws InterruptedException {
    String status =
        String.format(
            Locale.ROOT,
            "{\"health\": \"%s\", \"load\": %.4f, \"sessions\": %d}",
            health,
            sessions / (double) capacity,
            sessions);
    try {
      String answer =
          new AdminClient("agent", agent, "--report").ask("PUT", "/v1/status", status).body();
      reportFailing = false;
      return Optional.of(JSON.readTree(answer).path("token").asText()).filter(ServerToken::isToken);
    } catch (IOException e) {
      if (!reportFailing) {
        err().println("report failed; retrying: " + FailureReason.of(e));
      }
      reportFailing = true;
      return Optional.empty();
    }
  }
}
