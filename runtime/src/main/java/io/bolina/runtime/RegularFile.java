package io.bolina.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Reads a file that somebody else may have put there: never without an end, and nothing that would
 * make the reader wait, as a FIFO or a device would. A symbolic link stands for what it names.
 */
public final class RegularFile {
  private RegularFile() {}

  /**
   * Reads a file whole.
   *
   * @param most the largest size in bytes
   * @throws IOException if it is no regular file, is larger, or cannot be read; says which
   */
  public static byte[] read(Path file, int most) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    if (!attributes.isRegularFile()) {
      throw new IOException(
          attributes.isDirectory()
              ? "it is a directory, not a file"
              : "it is a FIFO, a socket or a device, not a file");
    }
    if (attributes.size() > most) {
      throw new IOException(
          "it has " + attributes.size() + " bytes, more than the " + most + " that are read");
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(most);
      if (in.read() >= 0) {
        throw new IOException("it has more than the " + most + " bytes that are read");
      }
      return bytes;
    }
  }
}
