package io.bolina.controlplane.served;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.Any;
import com.google.protobuf.StringValue;
import java.util.List;
import org.junit.jupiter.api.Test;

class EditionsTest {
  private static final String TYPE = "type.googleapis.com/google.protobuf.StringValue";

  private static StringValue text(String text) {
    return StringValue.of(text);
  }

  private static List<String> names(Served served) {
    return List.copyOf(served.resources(TYPE).keySet());
  }

  @Test
  void each_kind_of_envoy_gets_what_is_for_it_and_for_all() {
    Editions editions =
        Editions.NOTHING.with(
            List.of(
                ServedResource.of("all", text("a")),
                ServedResource.only(Edition.PLAIN, "one", text("plain")),
                ServedResource.only(Edition.GATED, "one", text("gated")),
                ServedResource.only(Edition.GATED, "rules", text("r"))));
    assertThat(names(editions.of(Edition.PLAIN))).containsExactly("all", "one");
    assertThat(names(editions.of(Edition.GATED))).containsExactly("all", "one", "rules");
    assertThat(editions.plain().get(TYPE, "one").orElseThrow().any())
        .isEqualTo(Any.pack(text("plain")));
    assertThat(editions.gated().get(TYPE, "one").orElseThrow().any())
        .isEqualTo(Any.pack(text("gated")));
  }

  @Test
  void a_change_of_one_edition_leaves_the_other_as_it_was() {
    Editions before = Editions.NOTHING.with(List.of(ServedResource.of("all", text("a"))));
    Editions after = before.with(List.of(ServedResource.only(Edition.GATED, "rules", text("r"))));
    assertThat(after.plain().all(TYPE).version()).isEqualTo(before.plain().all(TYPE).version());
    assertThat(after.gated().all(TYPE).version()).isNotEqualTo(before.gated().all(TYPE).version());
  }
}
