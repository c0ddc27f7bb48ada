package io.bolina.controlplane.stream;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DirectMemoryTest {
  @Test
  void it_is_exhausted_when_no_further_piece_fits() {
    long most = 48L << 20;
    assertThat(DirectMemory.exhausted(most - DirectMemory.PIECE, most)).isEmpty();
    assertThat(DirectMemory.exhausted(most - DirectMemory.PIECE + 1, most)).isPresent();
    assertThat(DirectMemory.exhausted(most, most).orElseThrow()).contains("exhausted");
  }

  @Test
  void that_of_this_process_is_not() {
    assertThat(DirectMemory.exhausted()).isEmpty();
  }
}
