package io.bolina.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class YamlDefaultsTest {
  @Test
  void the_file_is_named_in_either_form() {
    assertThat(YamlDefaults.fileOf(List.of("agent", "--config", "a.yaml"))).contains("a.yaml");
    assertThat(YamlDefaults.fileOf(List.of("agent", "--id=1", "--config=a.yaml")))
        .contains("a.yaml");
    assertThat(YamlDefaults.fileOf(List.of("agent", "--config"))).isEmpty();
    assertThat(YamlDefaults.fileOf(List.of("agent", "--id", "1"))).isEmpty();
  }
}
