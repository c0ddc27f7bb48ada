package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** When what an Envoy refused is offered again. */
class RefusedTest {
  @Test
  void the_wait_doubles_from_ten_seconds_to_five_minutes_and_starts_over_once_it_is_taken() {
    Refused refused = Refused.NOTHING;
    for (int seconds : new int[] {10, 20, 40, 80, 160, 300, 300, 300}) {
      refused = refused.and(Set.of("a"));
      assertThat(refused.delay()).isEqualTo(Duration.ofSeconds(seconds));
    }
    for (int i = 0; i < 100; i++) {
      refused = refused.and(Set.of("a"));
    }
    assertThat(refused.delay()).isEqualTo(Refused.LONGEST);
    assertThat(refused.without(Set.of("another"))).isEqualTo(refused);
    refused = refused.without(Set.of("a"));
    assertThat(refused).isEqualTo(Refused.NOTHING);
    assertThat(refused.and(Set.of("a")).delay()).isEqualTo(Refused.SHORTEST);
  }

  @Test
  void it_is_no_more_than_some_names() {
    Set<String> many =
        IntStream.range(0, 5_000).mapToObj(Integer::toString).collect(Collectors.toSet());
    assertThat(Refused.NOTHING.and(Set.of("a")).and(many).names()).hasSize(Refused.MOST);
    assertThat(Refused.NOTHING.and(Set.of())).isEqualTo(Refused.NOTHING);
  }
}
