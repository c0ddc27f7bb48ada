package io.bolina.registry;

import io.bolina.registry.model.Server;
import io.bolina.runtime.setting.SettingType;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The token of a server: what its clients' datagrams name it by (docs/tokens.md). It is registered
 * as metadata {@code bolina-token}, or else the first 16 bytes of the SHA-256 of the server's id.
 * Where shorter ones are read, its first bytes are its token.
 */
public final class ServerToken {
  /** The metadata: 1 to 16 bytes in hexadecimal. */
  public static final String METADATA = "bolina-token";

  /** The most bytes of a token. */
  public static final int LONGEST = 16;

  /** Whole bytes, and not all of them zero. */
  private static final Pattern TOKEN =
      Pattern.compile("(?!0*$)([0-9a-fA-F]{2}){1," + LONGEST + "}");

  private ServerToken() {}

  /** The token in hexadecimal. What is registered and is none counts as not registered. */
  public static String of(Server server) {
    String registered = server.metadata().getOrDefault(METADATA, "");
    return isToken(registered) ? registered.toLowerCase(Locale.ROOT) : derivedFrom(server.id());
  }

  /** Whether a text is a token: 1 to 16 bytes in hexadecimal, not all of them zero. */
  public static boolean isToken(String text) {
    return TOKEN.matcher(text).matches();
  }

  /** What is registered as a token in metadata and is none; empty if that is as it should be. */
  public static Optional<String> unusable(Map<String, String> metadata) {
    return Optional.ofNullable(metadata.get(METADATA)).filter(text -> !isToken(text));
  }

  /** A token as it is given in a setting. */
  public static SettingType<String> setting() {
    return SettingType.text("HEX")
        .map(
            text -> {
              if (!isToken(text)) {
                throw new IllegalArgumentException(
                    "'" + text + "' is not 1 to 16 bytes in hexadecimal, or all zero");
              }
              return text.toLowerCase(Locale.ROOT);
            });
  }

  /** The token of a server that has registered none. */
  public static String derivedFrom(String id) {
    try {
      byte[] hash =
          MessageDigest.getInstance("SHA-256").digest(id.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(hash, 0, LONGEST);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
