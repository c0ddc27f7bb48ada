package io.bolina.launcher;

import io.bolina.agent.AgentConfig;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code bolina agent drain}: for operators, and as a Kubernetes preStop hook. */
@Command(
    name = "drain",
    description = {
      "Has a running agent take its server out of service, and waits until that is done.",
      "A second call does not wait for sessions. Works as a Kubernetes preStop hook.",
      ""
    })
final class AgentDrainCommand extends ConfiguredCommand<SettingMap> {
  private static final Setting<URI> AGENT =
      Setting.of("agent", AdminClient.address("http://127.0.0.1:7070"))
          .standard("http://" + AgentConfig.LISTEN.standardInWords())
          .help("The agent's listen address, or unix: and the path of its socket.");

  private static final Setting<Boolean> STATUS =
      Setting.of("status", SettingType.flag())
          .standard("false")
          .help("Only show what is still waited for.");

  private static final Setting<Duration> WITHIN =
      Setting.of("within", SettingType.time())
          .help("How long it may take at most, if less than the drain time.");

  private static final Setting<Boolean> NO_WAIT =
      Setting.of("no-wait", SettingType.flag())
          .standard("false")
          .help("Do not wait until it is done.");

  @Override
  public List<Setting<?>> settings() {
    return List.of(AGENT, AdminClient.TOKEN_FILE, STATUS, WITHIN, NO_WAIT);
  }

  @Override
  protected SettingMap configure(SettingValues values) {
    return values.toMap();
  }

  @Override
  protected int run(SettingMap settings) throws IOException, InterruptedException {
    AdminClient agent =
        new AdminClient("agent", settings.get(AGENT), "--agent")
            .withToken(settings.find(AdminClient.TOKEN_FILE));
    if (settings.get(STATUS)) {
      print(ask(agent, "GET", ""));
      return ExitStatus.OK;
    }
    String within =
        settings.find(WITHIN).map(time -> "?within=" + SettingType.written(time)).orElse("");
    String last = ask(agent, "POST", within);
    print(last);
    try {
      while (!settings.get(NO_WAIT)) {
        Thread.sleep(1_000);
        String now = ask(agent, "GET", "");
        if (!now.replaceAll("\\d+ s more", "").equals(last.replaceAll("\\d+ s more", ""))) {
          print(now);
          last = now;
        }
      }
    } catch (IOException e) {
      print("done: the agent has exited\n"); // which it does when the server is deregistered
    }
    return ExitStatus.OK;
  }

  /** It answers, and does not do what it is asked to. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private Refused(AdminAnswer answer) {
      super("the agent answers with status " + answer.statusCode() + ": " + answer.body().strip());
    }
  }

  private void print(String text) {
    out().print(text);
    out().flush();
  }

  private static String ask(AdminClient agent, String method, String query)
      throws IOException, InterruptedException {
    AdminAnswer answer = agent.ask(method, "/v1/drain" + query, "");
    if (answer.statusCode() / 100 != 2) {
      throw new Refused(answer);
    }
    return answer.body();
  }
}
