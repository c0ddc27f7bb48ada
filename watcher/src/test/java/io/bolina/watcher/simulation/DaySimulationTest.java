package io.bolina.watcher.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.watcher.planning.WatchSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/**
 * A day, scaled by the Watcher and by the HorizontalPodAutoscaler: the figures of docs/watcher.md.
 */
class DaySimulationTest {
  private static final int DRAIN_TIME = 600;
  private static final int MIN = 3;
  private static final int MAX = 50;

  @Test
  void no_session_is_broken_in_a_day_and_the_autoscaler_breaks_thousands() throws IOException {
    WatchSettings settings = WatchSettings.between(MIN, MAX);
    Day.Outcome watcher =
        Day.live(new ByWatcher(settings), new World(1, 8, DRAIN_TIME, DRAIN_TIME));
    Day.Outcome plain =
        Day.live(
            new ByAutoscaler(settings.targetLoad(), MIN, MAX), new World(1, 8, 30, DRAIN_TIME));
    Day.Outcome patient =
        Day.live(
            new ByAutoscaler(settings.targetLoad(), MIN, MAX),
            new World(1, 8, DRAIN_TIME, DRAIN_TIME));
    print("Watcher", watcher);
    print("HorizontalPodAutoscaler, 30 s grace", plain);
    print("HorizontalPodAutoscaler, 10 min grace and drain", patient);

    Files.createDirectories(Path.of("target"));
    Files.writeString(
        Path.of("target/day.svg"), DayPlot.of(watcher.samples(), settings.targetLoad()));

    assertThat(watcher.world().broken()).isZero();
    assertThat(plain.world().broken()).isGreaterThan(1_000);
    assertThat(watcher.world().turnedAway()).isZero();
    assertThat(watcher.changes()).isLessThan(200);
    assertThat(watcher.world().overload()).isLessThan(plain.world().overload());
  }

  private static void print(String who, Day.Outcome outcome) {
    World world = outcome.world();
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %d | %.0f | %.0f |%n",
        who,
        world.broken(),
        world.cut(),
        world.overload().toSeconds() / 60.0,
        world.podHours());
  }
}
