package io.bolina.it.supplychain;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdvisoryTest {
  private static final String LINE =
      """
      {"id": "X-1", "package": "pkg:maven/org.example/one", "ranges": [{"introduced": "1.5.0", "fixed": "1.5.10"}, {"introduced": "2.0.0.Alpha1", "last_affected": "2.0.3.Final"}, {"introduced": "3.0"}], "summary": "reads too much", "url": "https://example.org/1"}
      """;

  @TempDir private Path directory;

  @Test
  void versions_within_a_range_are_affected() throws Exception {
    Advisory advisory = read(LINE);
    for (String version : new String[] {"1.5.0", "1.5.9", "2.0.0.Beta1", "2.0.3.Final", "3.7"}) {
      assertThat(advisory.affects(of("one", version))).as(version).isTrue();
    }
    for (String version : new String[] {"1.4.9", "1.5.10", "1.5.18", "2.0.4.Final", "2.9"}) {
      assertThat(advisory.affects(of("one", version))).as(version).isFalse();
    }
    assertThat(advisory.affects(of("other", "1.5.0"))).isFalse();
    assertThat(advisory.of(of("one", "1.5.2")))
        .isEqualTo(
            "org.example/one 1.5.2 has X-1 (reads too much); not affected: from 1.5.10;"
                + " https://example.org/1");
    assertThat(advisory.of(of("one", "4"))).contains("no version yet");
  }

  @Test
  void package_urls_are_read_with_what_follows_the_version() {
    assertThat(Component.ofUrl("pkg:maven/a.b/c@1.0?type=jar"))
        .isEqualTo(new Component("pkg:maven/a.b/c", "1.0"));
    assertThatThrownBy(() -> Component.ofUrl("pkg:maven/a.b/c")).hasMessageContaining("a.b/c");
    assertThatThrownBy(() -> Component.ofBill(directory.resolve("none")))
        .hasMessageContaining("mvn -B package");
  }

  private Advisory read(String line) throws Exception {
    return Advisory.read(Files.writeString(directory.resolve("a.jsonl"), line)).get(0);
  }

  private static Component of(String artifact, String version) {
    return Component.ofUrl("pkg:maven/org.example/" + artifact + "@" + version + "?type=jar");
  }
}
