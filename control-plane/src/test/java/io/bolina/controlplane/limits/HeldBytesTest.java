package io.bolina.controlplane.limits;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeldBytesTest {
  private final Deque<Runnable> later = new ArrayDeque<>();
  private final HeldBytes held = new HeldBytes(100, later::add);
  private final List<String> closed = new ArrayList<>();

  private HeldBytes.Account stream(String name, long bytes) {
    HeldBytes.Account account = held.open(() -> closed.add(name));
    account.add(bytes);
    return account;
  }

  private void doLater() {
    while (!later.isEmpty()) {
      later.poll().run();
    }
  }

  @Test
  void over_the_limit_who_holds_most_is_closed_until_it_is_enough() {
    stream("envoy", 5);
    stream("large", 40);
    stream("larger", 50);
    doLater();
    assertThat(closed).isEmpty();
    HeldBytes.Account last = stream("last", 10);
    doLater();
    assertThat(closed).containsExactly("larger");
    last.add(65);
    doLater();
    assertThat(closed).containsExactly("larger", "last");
    assertThat(held.total()).isEqualTo(45);
  }

  @Test
  void what_is_given_back_or_closed_does_not_count() {
    HeldBytes.Account one = stream("one", 90);
    one.add(-80);
    HeldBytes.Account two = stream("two", 80);
    two.close();
    two.close();
    two.add(1_000);
    stream("three", 80);
    doLater();
    assertThat(closed).isEmpty();
    assertThat(held.total()).isEqualTo(90);
  }
}
