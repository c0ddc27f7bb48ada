package io.bolina.launcher;

import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.http.AdminAnswer;
import io.bolina.runtime.http.AdminClient;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import io.bolina.watcher.WatcherConfig;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code bolina watcher explain}: the current plan of a running Watcher. */
@Command(
    name = "explain",
    description = {
      "Shows the current plan of a running Watcher.",
      "How many pods it wants and why, the state of each, what is to be done and what it waits for.",
      ""
    })
final class WatcherExplainCommand extends ConfiguredCommand<SettingMap> {
  private static final Setting<URI> WATCHER =
      Setting.of("watcher", SettingType.url("http://127.0.0.1:18090"))
          .standard("http://" + WatcherConfig.ADMIN.standardInWords())
          .help("The Watcher's admin pages.");

  @Override
  public List<Setting<?>> settings() {
    return List.of(WATCHER, AdminClient.TOKEN_FILE);
  }

  @Override
  protected SettingMap configure(SettingValues values) {
    return values.toMap();
  }

  @Override
  protected int run(SettingMap settings) throws IOException, InterruptedException {
    AdminAnswer answer =
        new AdminClient("Watcher", settings.get(WATCHER), "--watcher")
            .withToken(settings.find(AdminClient.TOKEN_FILE))
            .ask("GET", "/explain", "");
    out().print(answer.body());
    out().flush();
    return answer.statusCode() == 200 ? ExitStatus.OK : ExitStatus.FAILED;
  }
}
