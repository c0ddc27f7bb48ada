package io.bolina.runtime;

import java.io.FileNotFoundException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.Locale;

/**
 * Why something failed, for a message or a log line: never {@code null}, never a bare path. Many
 * exceptions of the JDK have no message, or only a path.
 */
public final class FailureReason {
  private FailureReason() {}

  /** The reason of a failure, as an operator reads it. */
  public static String of(Throwable failure) {
    String message = failure.getMessage() == null ? "" : failure.getMessage().strip();
    if (failure instanceof AccessDeniedException || message.endsWith("(Permission denied)")) {
      return "permission denied";
    }
    if (failure instanceof NoSuchFileException || failure instanceof FileNotFoundException) {
      return "no such file or directory";
    }
    if (failure instanceof FileAlreadyExistsException) {
      return "it exists and is not a directory";
    }
    if (failure instanceof FileSystemException file && file.getReason() != null) {
      return file.getReason().toLowerCase(Locale.ROOT);
    }
    if (failure instanceof UnresolvedAddressException) {
      return "the host name cannot be resolved";
    }
    if (failure instanceof ClosedChannelException) {
      return "connection closed";
    }
    return message.isEmpty() ? failure.getClass().getSimpleName() : message;
  }
}
