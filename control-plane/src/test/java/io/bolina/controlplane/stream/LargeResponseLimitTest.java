package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Deque;
import org.junit.jupiter.api.Test;

class LargeResponseLimitTest {
  private final LargeResponseLimit limit = new LargeResponseLimit(100);
  private final Deque<String> under = new ArrayDeque<>();

  /** Somebody who has something large to send, and tries again when called. */
  private void send(String who, int bytes) {
    if (limit.tryAcquire(bytes, () -> send(who, bytes))) {
      under.add(who);
    }
  }

  @Test
  void no_more_than_allowed_is_under_way_and_everybody_has_a_turn() {
    for (String who : new String[] {"a", "b", "c", "d", "e"}) {
      send(who, 40);
    }
    assertThat(under).containsExactly("a", "b");
    limit.release(40);
    assertThat(under).containsExactly("a", "b", "c");
    limit.release(40);
    limit.release(40);
    assertThat(under).containsExactly("a", "b", "c", "d", "e");
  }

  @Test
  void what_is_larger_than_all_that_is_allowed_goes_alone() {
    send("huge", 500);
    send("small", 10);
    assertThat(under).containsExactly("huge");
    limit.release(500);
    assertThat(under).containsExactly("huge", "small");
  }

  @Test
  void one_who_is_gone_when_called_holds_up_nobody() {
    send("a", 100);
    assertThat(limit.tryAcquire(100, () -> {})).isFalse();
    send("c", 100);
    limit.release(100);
    assertThat(under).containsExactly("a", "c");
  }
}
