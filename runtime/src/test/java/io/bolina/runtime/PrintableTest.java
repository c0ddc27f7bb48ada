package io.bolina.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PrintableTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "a\nb",
        "a\rb",
        "\u001b[31mred",
        "\u009b2J",
        "\u0000",
        "\u007f",
        "\u202egpj",
        "\u200b",
        "\u2028",
        "\u2029",
        "\ud800",
        "\ue000",
        "\u0085",
        "\ufeff",
        "\t"
      })
  void what_breaks_a_line_or_cannot_be_seen_is_escaped(String text) {
    assertThat(Printable.text(text))
        .contains("\\u")
        .matches(shown -> shown.codePoints().allMatch(Printable::isPlain));
  }

  @Test
  void words_of_any_language_are_shown() {
    for (String text : new String[] {"plain", "Zürich", "東京", "🎮 😀", "a=b \"c\" \\d", ""}) {
      assertThat(Printable.text(text)).isEqualTo(text);
    }
  }

  @Test
  void long_text_is_cut() {
    assertThat(Printable.text("x".repeat(1_000_000)))
        .hasSizeLessThan(Printable.LONGEST + 30)
        .endsWith("x… (998000 more)");
    assertThat(Printable.text("x".repeat(Printable.LONGEST - 1) + "😀"))
        .as("no half of a character")
        .isEqualTo("x".repeat(Printable.LONGEST - 1) + "… (2 more)");
  }
}
