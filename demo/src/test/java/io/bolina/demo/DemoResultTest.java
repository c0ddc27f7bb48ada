package io.bolina.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DemoResultTest {
  private final DemoResult result = new DemoResult();

  @Test
  void a_client_with_a_token_that_was_moved_breaks_a_promise() {
    result.clientsWithToken(100, 0);
    assertThat(result.kept()).isTrue();
    assertThat(result.lines())
        .contains("kept    clients with a token moved to another server   0 of 100");
    result.clientsWithToken(100, 1);
    assertThat(result.kept()).isFalse();
    assertThat(result.lines())
        .contains("BROKEN  clients with a token moved to another server   1 of 100");
  }

  @Test
  void nothing_is_promised_of_tokens_that_were_not_tried() {
    assertThat(result.kept()).isTrue();
    assertThat(result.lines()).noneMatch(line -> line.contains("token"));
  }
}
