package io.bolina.launcher.edge;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The Linux host, or container, that an Envoy is to run on: its limit of open files and its
 * kernel's settings.
 */
public final class EdgeHost {
  private static final Pattern OPEN_FILES =
      Pattern.compile("^Max open files\\s+(\\S+)\\s+(\\S+)", Pattern.MULTILINE);
  private static final Pattern SPACE = Pattern.compile("\\s+");

  private final Path proc;
  private final Path sharedMemory;

  private EdgeHost(Path proc, Path sharedMemory) {
    this.proc = proc;
    this.sharedMemory = sharedMemory;
  }

  /** The one that this process runs on. */
  public static EdgeHost here() {
    return at(Path.of("/proc"), Path.of("/dev/shm"));
  }

  /** The one with another {@code /proc} and {@code /dev/shm}. */
  static EdgeHost at(Path proc, Path sharedMemory) {
    return new EdgeHost(proc, sharedMemory);
  }

  /** Whether processes can share memory here, as Envoys do that follow one another. */
  boolean hasSharedMemory() {
    return Files.isDirectory(sharedMemory) && Files.isWritable(sharedMemory);
  }

  /**
   * How many files a process may open here at most (the hard limit; Envoy raises the soft one
   * itself).
   *
   * @throws IOException if this is no Linux
   */
  public long openFiles() throws IOException {
    return openFiles(2);
  }

  /**
   * How many files a process may open here until it raises that itself (the soft limit).
   *
   * @throws IOException if this is no Linux
   */
  public long openFilesAtStart() throws IOException {
    return openFiles(1);
  }

  private long openFiles(int group) throws IOException {
    String limits = Files.readString(proc.resolve("self/limits"));
    Matcher line = OPEN_FILES.matcher(limits);
    if (!line.find()) {
      throw new IOException(proc.resolve("self/limits") + " has no limit of open files");
    }
    String limit = line.group(group);
    return limit.equals("unlimited") ? Long.MAX_VALUE : Long.parseLong(limit);
  }

  /** The kernel's setting, or nothing where it is not visible, as some are not in containers. */
  Optional<List<Long>> setting(String name) {
    try (InputStream in = Files.newInputStream(file(name))) {
      // In one read: such a file returns nothing to a second one.
      byte[] text = new byte[4096];
      int length = Math.max(0, in.read(text));
      return Optional.of(
          SPACE
              .splitAsStream(new String(text, 0, length, StandardCharsets.US_ASCII).strip())
              .map(Long::valueOf)
              .toList());
    } catch (IOException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /**
   * Changes a setting.
   *
   * @throws IOException if that is not allowed
   */
  void set(String name, String value) throws IOException {
    Files.writeString(file(name), value + "\n");
  }

  private Path file(String name) {
    return proc.resolve("sys").resolve(name.replace('.', '/'));
  }
}
