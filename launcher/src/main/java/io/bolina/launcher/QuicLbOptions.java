package io.bolina.launcher;

import io.bolina.controlplane.gate.QuicLbCodec;
import io.bolina.registry.ServerToken;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingSource;
import io.bolina.runtime.setting.SettingType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/** What connection ids look like: the settings of {@code bolina token}. */
final class QuicLbOptions {
  static final Setting<String> SERVER_TOKEN =
      Setting.of("server-token", ServerToken.setting())
          .help("A token in place of the server's id, or of a connection id: 1 to 16 bytes.");

  static final Setting<Integer> SERVER_ID_LENGTH =
      Setting.of("server-id-length", SettingType.whole("BYTES", 1, 15))
          .standard("8")
          .help("Bytes of the server id, as in the gate's rules.");

  static final Setting<Integer> NONCE_LENGTH =
      Setting.of("nonce-length", SettingType.whole("BYTES", 0, 18))
          .standard("4")
          .help("Bytes of the nonce, as in the gate's rules; 0 for quic-lb: aws-nlb.");

  static final Setting<Path> KEY_FILE =
      Setting.of("key-file", SettingType.readableFile())
          .help("The key's file, if ids are encrypted: 16 bytes or 32 hexadecimal digits.");

  static final List<Setting<?>> ALL = List.of(SERVER_ID_LENGTH, NONCE_LENGTH, KEY_FILE);

  private static final int KEY_LENGTH = 16;

  private QuicLbOptions() {}

  /** Of their values. */
  static QuicLbCodec codec(SettingSource values) {
    return new QuicLbCodec(
        values.get(SERVER_ID_LENGTH),
        values.get(NONCE_LENGTH),
        values.find(KEY_FILE).map(QuicLbOptions::key));
  }

  /** Some bytes in hexadecimal. */
  static SettingType<String> hex() {
    return SettingType.text("HEX")
        .map(
            text -> {
              String digits = text.replaceAll("[\\s:]", "").toLowerCase(Locale.ROOT);
              if (!digits.matches("([0-9a-f]{2})+")) {
                throw new IllegalArgumentException("'" + text + "' is not bytes in hexadecimal");
              }
              return digits;
            });
  }

  private static byte[] key(Path file) {
    try {
      byte[] content = Files.readAllBytes(file);
      return content.length == KEY_LENGTH
          ? content
          : HexFormat.of().parseHex(new String(content, StandardCharsets.US_ASCII).strip());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "key-file: " + file + " has neither 16 bytes nor 32 hexadecimal digits", e);
    }
  }
}
