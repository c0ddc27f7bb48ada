package io.bolina.controlplane.state;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
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
      return Optional.of(directory + " cannot be created: " + reason(e));
    }
    try {
      Files.delete(Files.createTempFile(directory, "write-check", ".tmp"));
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(directory + " cannot be written: " + reason(e));
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

  /** Why a file or directory cannot be used, in an operator's words. */
  static String reason(IOException e) {
    if (e instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (e instanceof FileAlreadyExistsException) {
      return "it is not a directory";
    }
    if (e instanceof NoSuchFileException) {
      return "no such file or directory";
    }
    if (e instanceof FileSystemException of && of.getReason() != null) {
      return of.getReason().toLowerCase(Locale.ROOT);
    }
    return e.getMessage() == null ? e.toString() : e.getMessage();
  }
}
