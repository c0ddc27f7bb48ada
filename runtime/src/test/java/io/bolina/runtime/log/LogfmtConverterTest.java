package io.bolina.runtime.log;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LogfmtConverterTest {
  @Test
  void a_value_is_quoted_only_where_needed() {
    assertThat(LogfmtConverter.quoted("b-1")).isEqualTo("b-1");
    assertThat(LogfmtConverter.quoted("http://10.0.0.1:8500/v1"))
        .isEqualTo("http://10.0.0.1:8500/v1");
    assertThat(LogfmtConverter.quoted("")).isEqualTo("\"\"");
    assertThat(LogfmtConverter.quoted("two words")).isEqualTo("\"two words\"");
    assertThat(LogfmtConverter.quoted("a=b")).isEqualTo("\"a=b\"");
    assertThat(LogfmtConverter.quoted("say \"hi\"\\")).isEqualTo("\"say \\\"hi\\\"\\\\\"");
  }

  @Test
  void what_a_peer_sends_neither_breaks_a_line_nor_paints_the_terminal() {
    assertThat(LogfmtConverter.quoted("a\nERROR fake\r\t\u001b[31m\u0085"))
        .isEqualTo("\"a\\nERROR fake\\r\\t\\u001b[31m\\u0085\"");
  }
}
