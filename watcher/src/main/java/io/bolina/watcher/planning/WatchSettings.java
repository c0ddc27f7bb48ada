package io.bolina.watcher.planning;

import io.bolina.registry.model.DrainOrder;
import io.bolina.registry.model.LoadThresholds;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingMap;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import io.bolina.runtime.setting.SettingValues;
import java.time.Duration;
import java.util.List;

/**
 * What a Watcher aims at and what bounds it. docs/watcher.md says how to choose.
 *
 * @param author what the Watcher signs its drain orders with, so that it knows its own from those
 *     of operators and of Watchers of other targets
 * @param settings the values of {@link #SETTINGS}
 */
public record WatchSettings(String author, SettingMap settings) {
  public static final Setting<Integer> MIN =
      Setting.of("min", SettingType.whole("N", 1, Integer.MAX_VALUE))
          .standard("2")
          .help("The fewest pods.");

  public static final Setting<Integer> MAX =
      Setting.of("max", SettingType.whole("N", 1, Integer.MAX_VALUE))
          .required()
          .help("The most pods.");

  public static final Setting<Double> TARGET_LOAD =
      Setting.of("target-load", SettingType.decimal("LOAD", SettingType.Bounds.above(0)))
          .standard("0.6")
          .help("The load that an open server should have; below overloaded-at.");

  public static final Setting<Double> TOLERANCE =
      Setting.of("tolerance", SettingType.decimal("SHARE", SettingType.Bounds.from(0).below(1)))
          .standard("0.1")
          .help("How far off the target load may be before that is a reason to scale, as a share.");

  public static final Setting<Integer> SPARE =
      Setting.of("spare", SettingType.whole("N", 0, Integer.MAX_VALUE))
          .standard("0")
          .help("Open servers beyond what the load needs.");

  public static final Setting<Rate> UP_RATE =
      Setting.of("up-rate", SettingType.of("RATE", Rate::parse))
          .standard("4,100%/1m")
          .help("How fast to scale up: so many pods in a time, or percent if that is more.");

  public static final Setting<Rate> DOWN_RATE =
      Setting.of("down-rate", SettingType.of("RATE", Rate::parse))
          .standard("1,10%/1m")
          .help("How fast to scale down.");

  public static final Setting<Duration> DOWN_WINDOW =
      Setting.of("down-window", SettingType.time())
          .standard("5m")
          .help("How long fewer pods must have been enough before one is removed.");

  public static final Setting<Duration> SETTLE =
      Setting.of("settle", SettingType.time())
          .standard("30s")
          .help("Minimum drain age before a report of zero sessions is trusted.");

  public static final Setting<Duration> START_LIMIT =
      Setting.of("start-limit", SettingType.time("1ms", "24h"))
          .standard("2m")
          .help("How long a pod counts as starting until its server is registered.");

  public static final Setting<Duration> STALE_AFTER =
      Setting.of("stale-after", SettingType.time("1ms", "24h"))
          .standard("30s")
          .help("How old Consul's data may be before scaling is suspended.");

  public static final Setting<Duration> REPLACE_AFTER =
      Setting.of("replace-after", SettingType.time())
          .standard("5m")
          .help("How long a server may be critical before its pod is replaced.");

  public static final Setting<Duration> REPLACE_EVERY =
      Setting.of("replace-every", SettingType.time())
          .standard("1m")
          .help("The least time between two replacements.");

  public static final Setting<DrainAnnotations> DRAIN_ANNOTATIONS =
      Setting.of("drain-annotations", SettingType.of("KEY=VALUE,…", DrainAnnotations::parse))
          .standard(
              "karpenter.sh/do-not-disrupt=true,cluster-autoscaler.kubernetes.io/safe-to-evict=false")
          .help("Annotations of a pod while it drains, or none: its node is not to be removed.");

  /** In the order of help and documents. */
  public static final List<Setting<?>> SETTINGS =
      List.of(
          MIN,
          MAX,
          TARGET_LOAD,
          TOLERANCE,
          LoadThresholds.OVERLOADED_AT,
          SPARE,
          UP_RATE,
          DOWN_RATE,
          DOWN_WINDOW,
          DrainOrder.DRAIN_TIME,
          DRAIN_ANNOTATIONS,
          SETTLE,
          START_LIMIT,
          STALE_AFTER,
          REPLACE_AFTER,
          REPLACE_EVERY);

  /**
   * Checks that they fit together.
   *
   * @throws IllegalArgumentException naming the setting that does not fit
   */
  public WatchSettings {
    checkSizes(settings);
    checkTargetLoad(settings);
  }

  /** Of their settings. */
  public static WatchSettings of(String author, SettingValues values) {
    values.made(() -> checkSizes(values));
    values.made(() -> checkTargetLoad(values));
    return new WatchSettings(author, values.toMap());
  }

  /** The defaults, between two sizes. */
  public static WatchSettings between(int min, int max) {
    return new WatchSettings("watcher", SettingMap.DEFAULTS.with(MIN, min).with(MAX, max));
  }

  /** The same with another signature of its orders. */
  public WatchSettings withAuthor(String newAuthor) {
    return new WatchSettings(newAuthor, settings);
  }

  /** The same with another value. */
  public <T> WatchSettings with(Setting<T> setting, T value) {
    return new WatchSettings(author, settings.with(setting, value));
  }

  private static boolean checkSizes(SettingSource source) {
    if (source.get(MAX) < source.get(MIN)) {
      throw new IllegalArgumentException(
          "max: " + source.get(MAX) + " is less than min " + source.get(MIN));
    }
    return true;
  }

  private static boolean checkTargetLoad(SettingSource source) {
    double overloadedAt = source.get(LoadThresholds.OVERLOADED_AT);
    if (source.get(TARGET_LOAD) >= overloadedAt) {
      throw new IllegalArgumentException(
          "target-load: "
              + source.get(TARGET_LOAD)
              + " is not below overloaded-at "
              + overloadedAt);
    }
    return true;
  }

  public int min() {
    return settings.get(MIN);
  }

  public int max() {
    return settings.get(MAX);
  }

  public double targetLoad() {
    return settings.get(TARGET_LOAD);
  }

  public double tolerance() {
    return settings.get(TOLERANCE);
  }

  public double overloadedAt() {
    return settings.get(LoadThresholds.OVERLOADED_AT);
  }

  public int spare() {
    return settings.get(SPARE);
  }

  public Rate up() {
    return settings.get(UP_RATE);
  }

  public Rate down() {
    return settings.get(DOWN_RATE);
  }

  public Duration downWindow() {
    return settings.get(DOWN_WINDOW);
  }

  public Duration drainTime() {
    return settings.get(DrainOrder.DRAIN_TIME);
  }

  public DrainAnnotations drainAnnotations() {
    return settings.get(DRAIN_ANNOTATIONS);
  }

  public Duration settle() {
    return settings.get(SETTLE);
  }

  public Duration startLimit() {
    return settings.get(START_LIMIT);
  }

  public Duration staleAfter() {
    return settings.get(STALE_AFTER);
  }

  public Duration replaceAfter() {
    return settings.get(REPLACE_AFTER);
  }

  public Duration replaceEvery() {
    return settings.get(REPLACE_EVERY);
  }
}
