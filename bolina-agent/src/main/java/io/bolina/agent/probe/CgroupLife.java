package io.bolina.agent.probe;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Whether any process is left in a cgroup (v2). One that was seen with processes and is no longer
 * there has none: only an empty one can be removed.
 */
final class CgroupLife implements LifeWatch {
  private final Path cgroup;

  /** The last one that had processes. */
  private String lastPopulated = "";

  CgroupLife(Path cgroup) {
    this.cgroup = cgroup;
  }

  @Override
  public boolean asksServer() {
    return false;
  }

  @Override
  public LifeSign look() {
    try {
      Path events = cgroup.resolve("cgroup.events");
      boolean populated = false;
      boolean known = false;
      for (String line : Files.readAllLines(events)) {
        if (line.startsWith("populated ")) {
          known = true;
          populated = !line.equals("populated 0");
        }
      }
      if (!known) {
        return LifeSign.UNKNOWN;
      }
      Object key = Files.readAttributes(cgroup, BasicFileAttributes.class).fileKey();
      if (populated) {
        lastPopulated = String.valueOf(key);
        return new LifeSign(
            LifeSign.Sight.RUNNING, lastPopulated, "cgroup " + cgroup + " has processes");
      }
      return ended(String.valueOf(key), "cgroup " + cgroup + " is empty");
    } catch (NoSuchFileException e) {
      Path parent = cgroup.toAbsolutePath().normalize().getParent();
      boolean removed =
          !lastPopulated.isEmpty()
              && parent != null
              && Files.notExists(cgroup)
              && Files.isReadable(parent.resolve("cgroup.procs"));
      return removed
          ? ended(lastPopulated, "cgroup " + cgroup + " is empty and was removed")
          : LifeSign.UNKNOWN;
    } catch (IOException e) {
      return LifeSign.UNKNOWN;
    }
  }

  private static LifeSign ended(String key, String text) {
    return new LifeSign(LifeSign.Sight.ENDED, key, text);
  }
}
