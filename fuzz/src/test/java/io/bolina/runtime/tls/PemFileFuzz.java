package io.bolina.runtime.tls;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A PEM file with certificate and key: both, or an error that names the setting. */
public final class PemFileFuzz {
  private static final Path FILE = file();

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
    Files.write(FILE, data);
    PemFile pem = new PemFile("xds-cert-file", FILE);
    try {
      CertificateAndKey.read(pem, new PemFile("xds-key-file", FILE));
    } catch (IllegalArgumentException e) {
      if (!e.getMessage().startsWith("xds-")) {
        throw new IllegalStateException("an error that names no setting", e);
      }
    }
  }
}
