package io.bolina.controlplane.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.bolina.controlplane.gate.QuicLbCodec.Content;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuicLbCodecTest {
  private static final HexFormat HEX = HexFormat.of();

  /** The draft's test vectors, as in the gate's own test, where it says why one differs. */
  @ParameterizedTest
  @CsvSource({
    "0, '', c4605e, 4504cc4f, 07c4605e4504cc4f",
    "1, '', 350d28b420, 03487d970b, 2a350d28b42003487d970b",
    "0, 8f95f09245765f80256934e50c66207f, ed793a, ee080dbf, 0720b1d07b359d3c",
    "1, 8f95f09245765f80256934e50c66207f, ed793a51d49b8f5fab65, ee080dbf48, 2fcc381bc74cb4fbad2823a3d1f8fed2",
    "2, 8f95f09245765f80256934e50c66207f, ed793a51d49b8f5f, ee080dbf48c0d1e5, 504dd2d05a7b0de9b2b9907afb5ecf8cc3",
    "3, 8f95f09245765f80256934e50c66207f, ed793a51d49b8f5fab, ee080dbf48c0d1e55d, 125779c9cc86beb3a3a4a3ca96fce4bfe0cdbc",
    "0, fdf726a9893ec05c0632d3956680baf0, 31441a, 9c69c275, 0767947d29be054a"
  })
  void the_test_vectors_of_the_draft(
      int codepoint, String key, String serverId, String nonce, String id) {
    QuicLbCodec codec =
        new QuicLbCodec(
            serverId.length() / 2,
            nonce.length() / 2,
            Optional.of(key).filter(k -> !k.isEmpty()).map(HEX::parseHex));
    byte[] made = codec.encode(new Content(codepoint, serverId, nonce));
    // The lower bits of the first byte may be anything; in two of the draft's they are no length.
    assertThat(HEX.formatHex(made).substring(2)).isEqualTo(id.substring(2));
    Content content = codec.decode(HEX.parseHex(id));
    assertThat(content.serverId()).isEqualTo(serverId);
    assertThat(content.nonce()).isEqualTo(nonce);
  }

  @Test
  void every_length_decodes_what_it_encodes() {
    Random random = new Random(19);
    for (int serverId = 1; serverId <= 15; serverId++) {
      for (int nonce = 4; serverId + nonce <= 19; nonce++) {
        for (boolean keyed : new boolean[] {false, true}) {
          Optional<byte[]> key = keyed ? Optional.of(bytes(random, 16)) : Optional.empty();
          QuicLbCodec codec = new QuicLbCodec(serverId, nonce, key);
          Content content =
              new Content(
                  random.nextInt(7),
                  HEX.formatHex(bytes(random, serverId)),
                  HEX.formatHex(bytes(random, nonce)));
          byte[] id = codec.encode(content);
          assertThat(id).hasSize(1 + serverId + nonce);
          assertThat(codec.decode(id)).isEqualTo(content);
          assertThatThrownBy(() -> codec.decode(Arrays.copyOf(id, id.length - 1)))
              .hasMessageContaining("it has " + id.length);
        }
      }
    }
  }

  private static byte[] bytes(Random random, int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }
}
