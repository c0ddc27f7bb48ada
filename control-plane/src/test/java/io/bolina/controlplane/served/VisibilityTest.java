package io.bolina.controlplane.served;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.StringValue;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a client that is not to know of everything sees, now and as it changes. */
class VisibilityTest {
  private static final String TYPE = ServedItem.typeUrl(StringValue.getDescriptor());

  private record StartingWith(String prefix) implements Visibility {
    @Override
    public boolean includes(String resource) {
      return resource.startsWith(prefix);
    }
  }

  private static ServedResource resource(String name, String content) {
    return ServedResource.of(name, StringValue.of(content));
  }

  private static ServedCollection collection(String name) {
    return ServedCollection.of(TYPE, name, List.of(), List.of());
  }

  private static final Served ALL =
      new Served(List.of())
          .with(List.of(resource("a-1", ""), resource("b-1", ""), collection("a-1")))
          .with(List.of(collection("b-1")));

  @Test
  void it_sees_what_is_meant_for_it_and_nothing_of_the_rest() {
    Served seen = ALL.visibleTo(new StartingWith("a"));
    assertThat(seen.resources(TYPE)).containsOnlyKeys("a-1");
    assertThat(seen.collections()).containsOnlyKeys("a-1");
    assertThat(seen.get(TYPE, "b-1")).isEmpty();
    assertThat(seen.named(TYPE, java.util.Set.of("a-1", "b-1")).resources()).hasSize(1);
    assertThat(seen.all(TYPE).version())
        .as("a version tells nothing of the rest either")
        .isEqualTo(new Served(List.of(resource("a-1", ""))).all(TYPE).version())
        .isNotEqualTo(ALL.all(TYPE).version());
    assertThat(ALL.visibleTo(Visibility.ALL)).isSameAs(ALL);
  }

  @Test
  void what_changes_is_seen_by_those_who_may_and_costs_the_others_nothing() {
    Visibility a = new StartingWith("a");
    Served before = ALL.visibleTo(a);
    Served other = ALL.with(List.of(resource("b-1", "new"), resource("b-2", ""))).visibleTo(a);
    assertThat(other.resources(TYPE)).isSameAs(before.resources(TYPE)).containsOnlyKeys("a-1");
    Served own = ALL.with(List.of(resource("a-2", ""))).visibleTo(new StartingWith("a"));
    assertThat(own.resources(TYPE)).containsOnlyKeys("a-1", "a-2");
    assertThat(ALL.with(List.of(collection("a-2"), collection("b-2"))).visibleTo(a).collections())
        .containsOnlyKeys("a-1", "a-2");
  }
}
