package io.bolina.agent.probe;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** The machine's processes, as far as this one may see them. */
final class ProcessTable {
  private static final Path PROC = Path.of("/proc");

  private ProcessTable() {}

  /**
   * What is known of a process.
   *
   * @param visible whether there would be something to see if it ran
   * @param startTicks when it was started, on a clock that nobody sets: an id is used again, but
   *     never with the same start; empty if no such process runs
   */
  record ProcessStatus(boolean visible, Optional<String> startTicks) {
    static final ProcessStatus INVISIBLE = new ProcessStatus(false, Optional.empty());
    static final ProcessStatus ENDED = new ProcessStatus(true, Optional.empty());

    boolean isRunning() {
      return startTicks.isPresent();
    }
  }

  static ProcessStatus of(long pid) {
    if (!Files.isReadable(PROC.resolve("self/stat"))) {
      // Not Linux. The start is not known, and an id that is used again is not noticed.
      return ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isPresent()
          ? new ProcessStatus(true, Optional.of(""))
          : ProcessStatus.ENDED;
    }
    String stat;
    try {
      stat =
          new String(
              Files.readAllBytes(PROC.resolve(Long.toString(pid)).resolve("stat")),
              StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      // Where processes of other users are hidden (hidepid), the first process is as well.
      return Files.exists(PROC.resolve("1/stat")) ? ProcessStatus.ENDED : ProcessStatus.INVISIBLE;
    } catch (IOException e) {
      // "No such process": it ended while its file was read.
      return String.valueOf(e.getMessage()).toLowerCase(Locale.ROOT).contains("no such process")
          ? ProcessStatus.ENDED
          : ProcessStatus.INVISIBLE;
    }
    // "4711 (any name) S …": the name may hold anything, so what follows its last bracket counts.
    String[] fields = stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1);
    if (fields.length < 20) {
      return ProcessStatus.INVISIBLE;
    }
    boolean over = fields[0].equals("Z") || fields[0].equals("X");
    return over ? ProcessStatus.ENDED : new ProcessStatus(true, Optional.of(fields[19]));
  }
}
