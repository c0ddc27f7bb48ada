package io.bolina.registry;

import io.bolina.registry.model.Server;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
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
    return TOKEN.matcher(registered).matches()
        ? registered.toLowerCase(Locale.ROOT)
        : derivedFrom(server.id());
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
