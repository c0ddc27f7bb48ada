package io.bolina.registry.consul;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServiceNamesTest {
  private static final List<String> ALL = List.of("web", "bolina", "bolina-eu", "database", "mail");

  @ParameterizedTest
  @CsvSource({"bolna, bolina", "Bolina, bolina", "bolina-us, bolina-eu", "bolina2, bolina"})
  void the_name_that_was_meant_is_the_nearest(String given, String meant) {
    ServiceNames names = ServiceNames.around(given, ALL);
    assertThat(names.similar()).contains(meant);
    assertThat(names.known()).hasSize(5).startsWith(meant);
  }

  @Test
  void what_looks_like_none_has_no_similar_one_and_the_list_is_bounded() {
    List<String> many = new ArrayList<>(ALL);
    for (int i = 0; i < 100; i++) {
      many.add("service-" + i);
    }
    ServiceNames names = ServiceNames.around("xyzzy-quux", many);
    assertThat(names.similar()).isEmpty();
    assertThat(names.known()).hasSize(10);
    assertThat(ServiceNames.around("bolina", List.of()).known()).isEmpty();
  }
}
