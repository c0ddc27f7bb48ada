package io.bolina.controlplane.state;

import io.bolina.runtime.FailureReason;
import io.bolina.runtime.RegularFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keeps a state directory to one process: the lock of a file, which ends with the process however
 * that ends. The file says who has it.
 */
final class StateLock implements AutoCloseable {
  private static final String NAME = ".lock";
  private static final int LONGEST = 1_024;

  /** Of this process, whose second look at the file would lose the lock. */
  private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

  private final Path directory;
  private final FileChannel channel;

  private StateLock(Path directory, FileChannel channel) {
    this.directory = directory;
    this.channel = channel;
  }

  /**
   * Takes a directory.
   *
   * @throws IOException if another process has it, which it names, or it cannot be found out
   */
  static StateLock take(Path directory) throws IOException {
    Path real = directory.toRealPath();
    if (!HELD.add(real)) {
      throw inUse(directory, "this process, " + self());
    }
    FileChannel channel = null;
    try {
      channel = lock(directory);
      ByteBuffer owner = ByteBuffer.wrap((self() + "\n").getBytes(StandardCharsets.UTF_8));
      channel.truncate(0);
      while (owner.hasRemaining()) {
        channel.write(owner);
      }
      return new StateLock(real, channel);
    } catch (IOException e) {
      if (channel != null) {
        channel.close();
      }
      HELD.remove(real);
      throw e;
    }
  }

  private static FileChannel lock(Path directory) throws IOException {
    Path file = directory.resolve(NAME);
    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
        && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      throw new IOException(file + " is not a file; remove it");
    }
    FileChannel channel =
        FileChannel.open(
            file,
            Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE, LinkOption.NOFOLLOW_LINKS),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    FileLock lock = channel.tryLock();
    if (lock == null) {
      channel.close();
      throw inUse(directory, owner(file));
    }
    return channel; // with the lock, until it is closed
  }

  private static IOException inUse(Path directory, String owner) {
    return new IOException(
        directory
            + " is in use by "
            + owner
            + "; stop that, or choose another directory: each replica needs its own");
  }

  private static String owner(Path file) {
    try {
      String owner = new String(RegularFile.read(file, LONGEST), StandardCharsets.UTF_8).strip();
      return owner.isEmpty() ? "another process" : owner;
    } catch (IOException e) {
      return "another process (" + file + ": " + FailureReason.of(e) + ")";
    }
  }

  private static String self() {
    return "process " + ProcessHandle.current().pid();
  }

  @Override
  public void close() throws IOException {
    HELD.remove(directory);
    channel.close();
  }
}
