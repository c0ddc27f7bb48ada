package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Health;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RegistryWriteTest {
  /** What the registry has, and what a control plane makes of it. */
  private record Written(boolean maintenance, Health health, boolean gone, boolean overloaded) {
    boolean open() {
      return !maintenance && health != Health.CRITICAL && !gone && !overloaded;
    }

    Written after(RegistryWrite write, Written wanted) {
      return switch (write) {
        case MAINTENANCE ->
            new Written(maintenance || wanted.maintenance, health, gone, overloaded);
        case HEALTH -> new Written(maintenance, wanted.health, gone, overloaded);
        case GONE -> new Written(maintenance, health, gone || wanted.gone, overloaded);
        case ALIVE -> new Written(maintenance, health, gone && wanted.gone, overloaded);
        case LOAD -> new Written(maintenance, health, gone, wanted.overloaded);
      };
    }
  }

  private static List<Written> all() {
    List<Written> all = new ArrayList<>();
    for (boolean maintenance : new boolean[] {false, true}) {
      for (Health health : Health.values()) {
        for (boolean gone : new boolean[] {false, true}) {
          for (boolean overloaded : new boolean[] {false, true}) {
            if (!gone || health == Health.CRITICAL) { // a server that is gone is critical as well
              all.add(new Written(maintenance, health, gone, overloaded));
            }
          }
        }
      }
    }
    return all;
  }

  @Test
  void a_server_that_is_open_neither_before_nor_after_is_never_open_in_between() {
    int transitions = 0;
    for (Written before : all()) {
      for (Written wanted : all()) {
        Written now = before;
        boolean opened = false;
        for (RegistryWrite write :
            RegistryWrite.inOrder(before.health, wanted.health, wanted.overloaded)) {
          now = now.after(write, wanted);
          opened |= now.open();
        }
        assertThat(opened && !before.open() && !wanted.open())
            .as("%s to %s", before, wanted)
            .isFalse();
        transitions++;
      }
    }
    assertThat(transitions).isEqualTo(256);
  }

  @Test
  void every_write_is_made_once_and_an_end_never_waits_for_the_load() {
    for (Health written : Health.values()) {
      for (Health wanted : Health.values()) {
        for (boolean overloaded : new boolean[] {false, true}) {
          List<RegistryWrite> order = RegistryWrite.inOrder(written, wanted, overloaded);
          assertThat(order).containsExactlyInAnyOrder(RegistryWrite.values());
          if (wanted == Health.CRITICAL) {
            assertThat(order.indexOf(RegistryWrite.GONE))
                .isLessThan(order.indexOf(RegistryWrite.LOAD));
          }
        }
      }
    }
  }
}
