package io.bolina.runtime.tls;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * A PEM file with certificates, and one with a key, which begins at the last BEGIN: both, or an
 * error that names the setting.
 */
public final class PemFileFuzz {
  private static final Path CERTIFICATES = file();
  private static final Path KEYS = file();

  private PemFileFuzz() {}

  private static Path file() {
    try {
      Path shared = Path.of("/dev/shm"); // in memory
      Path file =
          Files.isWritable(shared)
              ? Files.createTempFile(shared, "bolina-fuzz", ".pem")
              : Files.createTempFile("bolina-fuzz", ".pem");
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static void fuzzerTestOneInput(byte[] data) throws IOException {
    String text = new String(data, StandardCharsets.ISO_8859_1);
    int cut = Math.max(0, text.lastIndexOf("-----BEGIN"));
    Files.write(CERTIFICATES, Arrays.copyOf(data, cut));
    Files.write(KEYS, Arrays.copyOfRange(data, cut, data.length));
    try {
      CertificateAndKey.read(
          new PemFile("xds-cert-file", CERTIFICATES), new PemFile("xds-key-file", KEYS));
    } catch (IllegalArgumentException e) {
      if (!e.getMessage().startsWith("xds-")) {
        throw new IllegalStateException("an error that names no setting", e);
      }
    }
  }
}
