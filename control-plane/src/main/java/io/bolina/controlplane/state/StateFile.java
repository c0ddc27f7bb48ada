package io.bolina.controlplane.state;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.RegularFile;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.Warnings;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The fleets as they were last known, in the file {@code fleets.json} of the state directory.
 *
 * <p>A write replaces the whole file in one step (write aside, flush to disk, rename), so that a
 * crash leaves the old file or the new one. A full disk costs no more than a warning: the fleets in
 * memory go on.
 */
public final class StateFile implements AutoCloseable {
  /** The file's format. A file of another one is set aside, like a damaged one. */
  static final int FORMAT = 4;

  /** The file is written at most this often, and at least every {@link #HEARTBEAT}. */
  private static final Duration DISTANCE = Duration.ofMillis(250);

  /** Between two writes of a large fleet there is so many times what the first one took. */
  private static final int REST = 20;

  /** How exactly the file says for how long no control plane was running. */
  private static final Duration HEARTBEAT = Duration.ofMinutes(1);

  private static final Logger log = LoggerFactory.getLogger(StateFile.class);

  /** Larger ones are not read: they would take the memory that everything else needs. */
  static final int LARGEST =
      (int) Math.max(4L << 20, Math.min(512L << 20, Runtime.getRuntime().maxMemory() / 8));

  private static final String DAMAGED = ".damaged-";

  /** So many files that were set aside are kept. */
  private static final int KEPT_ASIDE = 3;

  private final MemberJsonCache members = new MemberJsonCache();
  private final JsonMapper writing =
      MemberJsonCache.json()
          .addModule(members.module())
          .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
          .build();
  private final Path directory;
  private final Path file;
  private final Clock clock;
  private final MeterRegistry meters;
  private final Warnings warnings;
  private final Map<String, Fleet> fleets = new TreeMap<>();
  private final Map<String, GateOrders> gates = new TreeMap<>();
  private final ScheduledExecutorService writer =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread t = new Thread(task, "state-file");
            t.setDaemon(true);
            return t;
          });
  private Optional<StateLock> lock = Optional.empty();
  private Future<?> heartbeat = CompletableFuture.completedFuture(null);
  private boolean watched;
  private boolean writeIsDue;
  private boolean failing;

  /** What the file holds. */
  record Content(
      int format, Instant savedAt, Map<String, Fleet> fleets, Map<String, GateOrders> gates) {}

  /**
   * What was last known, by service.
   *
   * @param fleets the fleets
   * @param gates the orders for the gates
   */
  public record LastKnownState(Map<String, LastKnownFleet> fleets, Map<String, GateOrders> gates) {
    public static final LastKnownState NOTHING = new LastKnownState(Map.of(), Map.of());
  }

  /**
   * @param directory where the file is
   */
  public StateFile(Path directory, Telemetry telemetry) {
    this.directory = directory;
    this.file = directory.resolve("fleets.json");
    this.meters = telemetry.meters();
    this.warnings = telemetry.warnings();
    this.clock = telemetry.clock();
  }

  /**
   * Makes the directory if it is not there, takes it for this process alone, and begins to write.
   *
   * @throws IOException if the directory cannot be created or written to, or another process has
   *     it; says why
   */
  public void open() throws IOException {
    Optional<String> problem = StateDirectory.prepare(directory);
    if (problem.isPresent()) {
      throw new IOException("state-dir: " + problem.get());
    }
    try {
      lock = Optional.of(StateLock.take(directory));
    } catch (IOException e) {
      throw new IOException("state-dir: " + FailureReason.of(e), e);
    }
    heartbeat =
        writer.scheduleWithFixedDelay(
            this::write, HEARTBEAT.toMillis(), HEARTBEAT.toMillis(), TimeUnit.MILLISECONDS);
  }

  /**
   * Whether a directory could be used, found out by trying, with nothing left behind.
   *
   * @return what is wrong, in words; empty if it could
   */
  public static Optional<String> check(Path directory) {
    return StateDirectory.check(directory);
  }

  /**
   * Reads the fleets that were last known, by service. A file that cannot be read is set aside
   * under another name and reported, and nothing is known then.
   */
  public LastKnownState load() {
    byte[] bytes;
    try {
      bytes = RegularFile.read(file, LARGEST);
    } catch (NoSuchFileException e) {
      log.atInfo().addKeyValue("file", file).log("no saved state; waiting for registry");
      return LastKnownState.NOTHING;
    } catch (IOException e) {
      setAside("it cannot be read: " + FailureReason.of(e));
      return LastKnownState.NOTHING;
    }
    AtomicInteger leftOut = new AtomicInteger();
    try {
      Content content =
          new StateReader(
                  (service, why) -> {
                    leftOut.incrementAndGet();
                    warnings
                        .warn("state-member", service)
                        .addKeyValue("service", service)
                        .addKeyValue("reason", why)
                        .log("server in state file cannot be used; ignored");
                  })
              .read(bytes);
      if (content.format() != FORMAT) {
        setAside("its format is " + content.format() + ", this version of Bolina reads " + FORMAT);
        return LastKnownState.NOTHING;
      }
      Map<String, LastKnownFleet> known = new TreeMap<>();
      content
          .fleets()
          .forEach((s, fleet) -> known.put(s, new LastKnownFleet(fleet, content.savedAt())));
      synchronized (this) {
        // A write says that somebody watches now; a fleet that nobody has saved yet goes on too.
        Instant now = clock.instant();
        known.forEach((service, last) -> fleets.put(service, last.resumedAt(now)));
        gates.putAll(content.gates());
      }
      if (leftOut.get() > 0) {
        keepCopy();
      }
      return new LastKnownState(known, content.gates());
    } catch (IOException | RuntimeException e) {
      setAside("it is damaged: " + FailureReason.of(e).lines().findFirst().orElse(""));
      return LastKnownState.NOTHING;
    }
  }

  /** Takes the newest fleet of a service, which is written soon. */
  public synchronized void save(Fleet fleet) {
    watched = true;
    Fleet last = fleets.put(fleet.service(), fleet);
    boolean sameBarAge =
        last != null && last.members().equals(fleet.members()) && last.sameServersAs(fleet);
    if (!sameBarAge) {
      writeSoon();
    }
  }

  /** Takes the newest orders for the gate of a service, which are written soon. */
  public synchronized void save(GateOrders orders) {
    watched = true;
    GateOrders last = gates.put(orders.service(), orders);
    if (last == null || !last.sameAs(orders)) {
      writeSoon();
    }
  }

  private void writeSoon() {
    if (!writeIsDue) {
      writeIsDue = true;
      try {
        writer.execute(this::writeAndPause);
      } catch (RejectedExecutionException e) {
        log.atDebug().setCause(e).log("state file closed already");
      }
    }
  }

  /** Writes what is not yet written. A file that was only read stays as it is. */
  @Override
  public void close() {
    heartbeat.cancel(false);
    writer.shutdownNow();
    try {
      if (!writer.awaitTermination(5, TimeUnit.SECONDS)) {
        log.atWarn()
            .addKeyValue("file", file)
            .log("state file still being written after 5 s; last change may be lost");
        return; // with the lock: what is written is still this process's
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    // What another process has is not written to.
    if (lock.isPresent() && isWatched()) {
      write();
    }
    release();
  }

  private void release() {
    if (lock.isPresent()) {
      try {
        lock.get().close();
      } catch (IOException e) {
        log.atDebug().setCause(e).log("lock of the state directory not released");
      }
      lock = Optional.empty();
    }
  }

  private synchronized boolean isWatched() {
    return watched;
  }

  private void writeAndPause() {
    long before = System.nanoTime();
    write();
    long took = System.nanoTime() - before;
    try {
      TimeUnit.NANOSECONDS.sleep(Math.max(DISTANCE.toNanos(), REST * took));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closing, which writes once more
    }
  }

  private void write() {
    Content content;
    synchronized (this) {
      writeIsDue = false;
      if (fleets.isEmpty() && gates.isEmpty()) {
        return;
      }
      content = new Content(FORMAT, clock.instant(), new TreeMap<>(fleets), new TreeMap<>(gates));
    }
    Path aside = file.resolveSibling(file.getFileName() + ".new");
    try {
      // Made anew, so that it is nobody else's, whatever lies there.
      Files.deleteIfExists(aside);
      try (FileChannel out =
          FileChannel.open(
              aside,
              Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
        // Piece by piece: a large fleet as a whole would take as much memory again.
        writing.writeValue(Channels.newOutputStream(out), content);
        out.force(true);
      }
      members.forgetOthers();
      Files.move(aside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      if (failing) {
        failing = false;
        log.atInfo().addKeyValue("file", file).log("state file written again");
      }
    } catch (IOException e) {
      meters.counter("bolina.state.write.failures").increment();
      if (!failing) {
        failing = true;
        log.atWarn()
            .addKeyValue("file", file)
            .addKeyValue("reason", FailureReason.of(e))
            .log("state file cannot be written; a restart would not know later changes");
      }
    }
  }

  private Path damaged() {
    return file.resolveSibling(file.getFileName() + DAMAGED + clock.instant().toEpochMilli());
  }

  /** The rest of the file is used, and then written over. */
  private void keepCopy() {
    Path copy = damaged();
    try {
      Files.copy(file, copy);
      removeOldest();
      log.atInfo()
          .addKeyValue("file", file)
          .addKeyValue("kept", copy)
          .log("state file kept as it was");
    } catch (IOException e) {
      log.atDebug().setCause(e).log("state file not kept");
    }
  }

  private void removeOldest() throws IOException {
    List<Path> all;
    try (Stream<Path> files = Files.list(directory)) {
      all =
          files
              .filter(f -> f.getFileName().toString().startsWith(file.getFileName() + DAMAGED))
              .sorted()
              .toList();
    }
    for (Path old : all.subList(0, Math.max(0, all.size() - KEPT_ASIDE))) {
      if (!Files.isDirectory(old)) {
        Files.deleteIfExists(old);
      }
    }
  }

  private void setAside(String why) {
    Path damaged = damaged();
    String kept = damaged.toString();
    try {
      Files.move(file, damaged);
      removeOldest();
    } catch (IOException e) {
      kept = "where it is: " + FailureReason.of(e);
    }
    log.atWarn()
        .addKeyValue("file", file)
        .addKeyValue("reason", why)
        .addKeyValue("kept", kept)
        .log("state file cannot be used; ignored");
  }
}
