package io.bolina.runtime.http;

import io.bolina.runtime.FailureReason;
import io.bolina.runtime.RegularFile;
import io.bolina.runtime.setting.SettingType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tokens that let somebody read what not everybody may: the lines of a file, which is read
 * again, so that a token can be replaced with no restart. While it cannot be read, nobody is let
 * in.
 */
public final class AccessToken {
  /** A file of tokens that can be used when the settings are read. */
  public static final SettingType<Path> FILE =
      SettingType.readableFile()
          .map(
              file -> {
                problem(file)
                    .ifPresent(
                        problem -> {
                          throw new IllegalArgumentException(problem);
                        });
                return file;
              });

  /** Shorter ones could be guessed. */
  static final int SHORTEST = 16;

  private static final int LARGEST_FILE = 8 * 1024;
  private static final String SCHEME = "bearer ";

  /** How old what was read may be. */
  private static final Duration FRESH = Duration.ofSeconds(1);

  private static final Logger log = LoggerFactory.getLogger(AccessToken.class);

  private final Path file;
  private List<byte[]> digests = List.of();
  private Optional<Long> readNanos = Optional.empty();
  private boolean failing;

  public AccessToken(Path file) {
    this.file = file;
  }

  /** What is wrong with a file of tokens; empty if it can be used. */
  static Optional<String> problem(Path file) {
    try {
      lines(file);
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(file + ": " + FailureReason.of(e));
    }
  }

  /**
   * The token that a client of its own shows.
   *
   * @throws IOException if the file cannot be used
   */
  public static String first(Path file) throws IOException {
    return lines(file).get(0);
  }

  /** Whether an {@code Authorization} header has one of the tokens, found out in constant time. */
  boolean admits(String authorization) {
    if (!authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return false;
    }
    byte[] given = digest(authorization.substring(SCHEME.length()).strip());
    boolean admitted = false;
    for (byte[] one : digests()) {
      admitted |= MessageDigest.isEqual(one, given);
    }
    return admitted;
  }

  private synchronized List<byte[]> digests() {
    long now = System.nanoTime();
    if (readNanos.isEmpty() || now - readNanos.get() >= FRESH.toNanos()) {
      readNanos = Optional.of(now);
      try {
        digests = lines(file).stream().map(AccessToken::digest).toList();
        failing = false;
      } catch (IOException e) {
        digests = List.of();
        if (!failing) {
          failing = true;
          log.atWarn()
              .addKeyValue("file", file)
              .addKeyValue("reason", FailureReason.of(e))
              .log("access tokens cannot be read; nobody is let in by one");
        }
      }
    }
    return digests;
  }

  private static List<String> lines(Path file) throws IOException {
    String text = new String(RegularFile.read(file, LARGEST_FILE), StandardCharsets.UTF_8);
    List<String> tokens = text.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
    if (tokens.isEmpty()) {
      throw new IOException("it has no token");
    }
    if (tokens.stream().anyMatch(token -> token.length() < SHORTEST)) {
      throw new IOException("a token is shorter than " + SHORTEST + " characters");
    }
    return tokens;
  }

  private static byte[] digest(String token) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
