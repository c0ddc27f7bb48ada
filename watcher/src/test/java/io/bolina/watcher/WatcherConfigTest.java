package io.bolina.watcher;

import static io.bolina.runtime.setting.Setting.concat;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.bolina.registry.model.Server;
import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import io.bolina.watcher.planning.Rate;
import io.bolina.watcher.planning.WatchSettings;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class WatcherConfigTest {
  private static final List<Setting<?>> ALL =
      concat(List.of(Server.SERVICE), WatchSettings.SETTINGS, WatcherConfig.SETTINGS);

  private static WatcherConfig read(Map<String, List<String>> commandLine) {
    SettingValues values =
        SettingValues.read(ALL, commandLine, Optional.empty(), Map.of("BOLINA_SERVICE", "bolina"));
    return values.madeOrInvalid(() -> WatcherConfig.of(values));
  }

  @Test
  void what_is_not_given_has_its_default() {
    WatchSettings settings = read(Map.of("max", List.of("9"))).settings();
    assertThat(settings.min()).isEqualTo(2);
    assertThat(settings.max()).isEqualTo(9);
    assertThat(settings.targetLoad()).isEqualTo(0.6);
    assertThat(settings.overloadedAt()).isEqualTo(0.9);
    assertThat(settings.up()).isEqualTo(new Rate(4, 100, Duration.ofMinutes(1)));
    assertThat(settings.down()).isEqualTo(new Rate(1, 10, Duration.ofMinutes(1)));
  }

  @Test
  void everything_that_does_not_fit_together_is_reported() {
    List<String> errors =
        catchThrowableOfType(
                InvalidSettings.class,
                () ->
                    read(
                        Map.of(
                            "min", List.of("5"),
                            "max", List.of("3"),
                            "target-load", List.of("0.95"),
                            "interval", List.of("1ms"))))
            .errors();
    assertThat(errors)
        .containsExactlyInAnyOrder(
            "--max: 3 is less than min 5",
            "--target-load: 0.95 is not below overloaded-at 0.9",
            "--interval: '1ms' is not in the range 100ms to 10m");
  }
}
