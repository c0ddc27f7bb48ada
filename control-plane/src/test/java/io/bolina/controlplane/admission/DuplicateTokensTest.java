package io.bolina.controlplane.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.controlplane.FleetsForTest;
import io.bolina.registry.model.Health;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DuplicateTokensTest {
  @Test
  void by_what_is_read_of_them() {
    List<Decision> many =
        new Admission(AdmissionSettings.DEFAULTS)
            .decide(
                FleetsForTest.fleet(
                    IntStream.range(0, 250)
                        .mapToObj(n -> FleetsForTest.member(n, Health.PASSING, 0.1))
                        .toList()));
    assertThat(DuplicateTokens.of(many, List.of())).isEmpty();
    assertThat(DuplicateTokens.of(many, List.of(8, 16))).isEmpty();
    Map<String, List<String>> ofOneByte = DuplicateTokens.of(many, List.of(1, 8));
    assertThat(ofOneByte).hasSizeGreaterThan(30);
    assertThat(ofOneByte)
        .allSatisfy(
            (token, ids) -> {
              assertThat(token).hasSize(2);
              assertThat(ids).hasSizeGreaterThan(1).doesNotHaveDuplicates();
            });
  }
}
