package io.bolina.controlplane.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GateRulesFileTest {
  private final Telemetry telemetry = Telemetry.create();
  private final List<Map<String, GateRules>> loaded = new CopyOnWriteArrayList<>();

  @TempDir private Path directory;

  private GateRulesFile open(Path file) throws IOException {
    GateRulesFile rules = new GateRulesFile(file, List.of("bolina"), telemetry, loaded::add);
    rules.open();
    return rules;
  }

  private boolean good() {
    return telemetry.meters().get("bolina.gate.rules.valid").gauge().value() == 1;
  }

  /** In one step: whoever looks meanwhile must not see half of it. */
  private static void replace(Path file, String content) throws IOException {
    Path aside = Files.writeString(file.resolveSibling("aside"), content);
    Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING);
  }

  @Test
  void changes_are_loaded_and_invalid_rules_change_nothing() throws IOException {
    Path file = Files.writeString(directory.resolve("gate.yaml"), "bolina: {first-size: 1}\n");
    try (GateRulesFile rules = open(file)) {
      assertThat(loaded).hasSize(1);
      replace(file, "bolina: {first-size: 2}\n");
      await().until(() -> loaded.size() == 2);
      replace(file, "bolina: {first-size: two}\n");
      await().until(() -> !good());
      Files.delete(file);
      replace(file, "bolina: {first-size: 3}\n");
      await().until(() -> loaded.size() == 3);
      assertThat(good()).isTrue();
      assertThat(loaded)
          .extracting(now -> now.get("bolina").firstSize())
          .containsExactly(Optional.of(1), Optional.of(2), Optional.of(3));
      assertThat(rules).isNotNull();
    }
  }

  @Test
  void at_the_start_invalid_rules_are_an_error() throws IOException {
    Path file = Files.writeString(directory.resolve("gate.yaml"), "bolina: {colour: red}\n");
    assertThatThrownBy(() -> open(file))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("gate.yaml: bolina.colour");
    assertThatThrownBy(() -> open(directory.resolve("none.yaml")))
        .isInstanceOf(IOException.class)
        .hasMessageMatching("gate-rules: cannot read .*none.yaml: no such file or directory");
  }
}
