package io.bolina.watcher;

import io.bolina.registry.model.Server;
import io.bolina.runtime.HostPort;
import io.bolina.runtime.http.AdminAccess;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import io.bolina.watcher.planning.WatchSettings;
import java.time.Duration;
import java.util.List;

/**
 * A Watcher's configuration apart from its registry's and Kubernetes'.
 *
 * @param service the registry's service whose servers run in the pods
 * @param settings what it aims at
 * @param interval how often it plans when nothing changes; a change of the fleet is planned for at
 *     once. Default 5 s
 * @param dryRun whether it only logs what it would do
 * @param listenHost where its admin pages are
 * @param listenPort the same; 0 lets the system choose
 * @param access who may read them
 */
public record WatcherConfig(
    String service,
    WatchSettings settings,
    Duration interval,
    boolean dryRun,
    String listenHost,
    int listenPort,
    AdminAccess access) {

  public static final Setting<Duration> INTERVAL =
      Setting.of("interval", SettingType.time("100ms", "10m"))
          .standard("5s")
          .help("How often to plan when nothing changes.");

  public static final Setting<HostPort> ADMIN =
      Setting.of("admin", SettingType.listenAddress())
          .standard("127.0.0.1:18090")
          .help("Where /healthz, /explain and /metrics are.");

  public static final Setting<Boolean> DRY_RUN =
      Setting.of("dry-run", SettingType.flag())
          .standard("false")
          .help("Change nothing; log what would be done, leading or not.");

  /** Apart from those of the parts. */
  public static final List<Setting<?>> SETTINGS =
      List.of(INTERVAL, ADMIN, AdminAccess.TOKEN_FILE, AdminAccess.NAME, DRY_RUN);

  /** Of their settings. */
  public static WatcherConfig of(SettingValues values) {
    HostPort admin = values.get(ADMIN);
    return new WatcherConfig(
        values.get(Server.SERVICE),
        WatchSettings.of("watcher", values),
        values.get(INTERVAL),
        values.get(DRY_RUN),
        admin.host(),
        admin.port(),
        AdminAccess.of(values));
  }

  /** The same with another signature of its drain orders. */
  public WatcherConfig withAuthor(String author) {
    return new WatcherConfig(
        service, settings.withAuthor(author), interval, dryRun, listenHost, listenPort, access);
  }
}
