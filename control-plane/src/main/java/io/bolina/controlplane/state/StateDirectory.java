package io.bolina.controlplane.state;

import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out whether a directory can be written to: by writing, since permissions alone do not say.
 */
final class StateDirectory {
  private static final Logger log = LoggerFactory.getLogger(StateDirectory.class);

  private StateDirectory() {}

  /**
   * Makes a directory if it is not there, and tries to write to it.
   *
   * @return what is wrong, in words; empty if all is well
   */
  static Optional<String> prepare(Path directory) {
    try {
      Files.createDirectories(directory);
    } catch (IOException e) {
      return Optional.of(directory + " cannot be created: " + FailureReason.of(e));
    }
    try {
      Files.delete(Files.createTempFile(directory, "write-check", ".tmp"));
      return Optional.empty();
    } catch (IOException e) {
      // A full disk costs a warning at each write, and not what is already known.
      return Files.isWritable(directory) && !(e instanceof AccessDeniedException)
          ? Optional.empty()
          : Optional.of(directory + " cannot be written: " + FailureReason.of(e));
    }
  }

  /** The same, and nothing that it made is left behind. */
  static Optional<String> check(Path directory) {
    Deque<Path> missing = new ArrayDeque<>();
    for (Path path = directory.toAbsolutePath().normalize();
        path != null && Files.notExists(path);
        path = path.getParent()) {
      missing.add(path);
    }
    try {
      return prepare(directory);
    } finally {
      missing.forEach(StateDirectory::deleteIfEmpty);
    }
  }

  private static void deleteIfEmpty(Path directory) {
    try {
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      log.atDebug().addKeyValue("directory", directory).setCause(e).log("directory in use; kept");
    }
  }
}
