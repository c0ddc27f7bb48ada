package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LargeResponseLimitTest {
  private long now;
  private final Map<String, Integer> wanted = new HashMap<>();
  private final Deque<String> under = new ArrayDeque<>();

  /** Of the streams {@code peer} or {@code peer/…}. */
  private final LargeResponseLimit<String> limit =
      new LargeResponseLimit<>(100, stream -> stream.replaceFirst("/.*", ""), this::retry);

  /** Somebody who has something large to send, and tries again when called. */
  private void send(String who, int bytes) {
    wanted.put(who, bytes);
    retry(who);
  }

  private void retry(String who) {
    if (wanted.containsKey(who) && limit.tryAcquire(who, wanted.get(who), now)) {
      wanted.remove(who);
      under.add(who);
    }
  }

  @Test
  void no_more_than_allowed_is_under_way_and_everybody_has_a_turn() {
    for (String who : new String[] {"a", "b", "c", "d", "e"}) {
      send(who, 40);
    }
    assertThat(under).containsExactly("a", "b");
    limit.release("a", 40);
    assertThat(under).containsExactly("a", "b", "c");
    limit.release("b", 40);
    limit.release("c", 40);
    assertThat(under).containsExactly("a", "b", "c", "d", "e");
  }

  @Test
  void what_is_larger_than_all_that_is_allowed_goes_alone() {
    send("huge", 500);
    send("small", 10);
    assertThat(under).containsExactly("huge");
    limit.release("huge", 500);
    assertThat(under).containsExactly("huge", "small");
  }

  @Test
  void one_who_is_gone_when_called_holds_up_nobody() {
    send("a", 100);
    send("b", 100);
    wanted.remove("b");
    send("c", 100);
    limit.release("a", 100);
    assertThat(under).containsExactly("a", "c");
  }

  @Test
  void one_who_is_over_waits_no_more() {
    send("a", 100);
    send("b", 100);
    limit.withdraw("b");
    send("c", 100);
    limit.release("a", 100);
    assertThat(under).containsExactly("a", "c");
  }

  @Test
  void next_is_who_has_least_under_way() {
    for (int stream = 0; stream < 50; stream++) {
      send("mute/" + stream, 20);
    }
    assertThat(under).hasSize(5);
    send("a", 20);
    send("b", 20);
    limit.release("mute/0", 20);
    limit.release("mute/1", 20);
    limit.release("mute/2", 20);
    assertThat(under).endsWith("a", "b", "mute/5");
  }

  @Test
  void who_does_not_read_is_overdue_once_somebody_waits() {
    send("mute", 100);
    now += Duration.ofMinutes(1).toNanos();
    assertThat(limit.overdue(now)).isEmpty();
    send("a", 60);
    send("b", 40);
    assertThat(limit.overdue(now)).containsExactly("mute");
    limit.release("mute", 100);
    send("c", 10);
    assertThat(limit.overdue(now)).as("these have just begun").isEmpty();
  }

  @Test
  void who_waits_for_all_is_not_overtaken() {
    send("a", 60);
    send("b", 60);
    send("c", 10);
    assertThat(under).containsExactly("a");
    limit.release("a", 60);
    assertThat(under).containsExactly("a", "b", "c");
  }
}
