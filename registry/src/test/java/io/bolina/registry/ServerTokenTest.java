package io.bolina.registry;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Server;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ServerTokenTest {
  private static String of(String registered) {
    Map<String, String> meta =
        registered == null ? Map.of() : Map.of(ServerToken.METADATA, registered);
    return ServerToken.of(new Server("b-1", "bolina", "10.0.0.1", 7000, "", meta));
  }

  @Test
  void what_is_registered_counts() {
    assertThat(of("cafe")).isEqualTo("cafe");
    assertThat(of("CAFE0001")).isEqualTo("cafe0001");
    assertThat(of("01".repeat(16))).isEqualTo("01".repeat(16));
  }

  @Test
  void else_the_beginning_of_the_hash_of_its_id_as_anybody_can_compute_it() {
    // printf b-1 | sha256sum | cut -c 1-32
    assertThat(of(null)).isEqualTo("3e499e752620c6a90ed59a200a181324");
    for (String none : new String[] {"", "c", "xyz0", "0x12", "0000", "01".repeat(17), "ca fe"}) {
      assertThat(of(none)).as(none).isEqualTo(ServerToken.derivedFrom("b-1"));
    }
  }
}
