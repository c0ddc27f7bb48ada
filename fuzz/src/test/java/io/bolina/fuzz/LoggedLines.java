package io.bolina.fuzz;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogManager;
import java.util.logging.LogRecord;
import org.slf4j.LoggerFactory;

/**
 * What a program would log while it is fuzzed, by SLF4J and by java.util.logging: strangers must
 * neither flood the log nor cause what is logged as an error.
 */
public final class LoggedLines extends AppenderBase<ILoggingEvent> {
  /** Of {@code StreamLog}, {@code Warnings} and their kinds, generously. */
  private static final long AT_ONCE = 5_000;

  private static final long PER_SECOND = 60;

  /** Kept, as the one with a level would else be lost. */
  private static final java.util.logging.Logger GRPC =
      java.util.logging.Logger.getLogger("io.grpc");

  private final long began = System.nanoTime();
  private final AtomicLong lines = new AtomicLong();
  private final AtomicReference<String> last = new AtomicReference<>("");
  private final AtomicReference<String> error = new AtomicReference<>();

  /** From now on, those of {@code io.bolina} and what they are made of. */
  public static LoggedLines begin() {
    LoggedLines logged = new LoggedLines();
    Logger logger = (Logger) LoggerFactory.getLogger("io.bolina");
    logged.setContext(logger.getLoggerContext());
    logged.start();
    logger.setLevel(ch.qos.logback.classic.Level.INFO);
    logger.addAppender(logged);
    LogManager.getLogManager().reset();
    java.util.logging.Logger.getLogger("")
        .addHandler(
            new Handler() {
              @Override
              public void publish(LogRecord line) {
                // Of warnings, LibraryLines lets few through.
                if (line.getLevel().equals(Level.SEVERE) || isOurs(line.getThrown())) {
                  logged.add(
                      true,
                      line.getLoggerName() + ": " + line.getMessage() + " " + line.getThrown());
                }
              }

              @Override
              public void flush() {
                // nothing is kept
              }

              @Override
              public void close() {
                // nothing is open
              }
            });
    GRPC.setLevel(Level.FINE); // what it says of a connection that it closes
    return logged;
  }

  /** Whether a failure is one of Bolina's own code. */
  private static boolean isOurs(Throwable failure) {
    return failure != null
        && failure.getStackTrace().length > 0
        && failure.getStackTrace()[0].getClassName().startsWith("io.bolina.");
  }

  @Override
  protected void append(ILoggingEvent event) {
    // Values are shown, as they are where it runs.
    String pairs = event.getKeyValuePairs() == null ? "" : " " + event.getKeyValuePairs();
    String line = event.getFormattedMessage() + pairs;
    boolean bad = event.getLevel().isGreaterOrEqual(ch.qos.logback.classic.Level.ERROR);
    add(
        bad,
        bad && event.getThrowableProxy() != null
            ? line
                + " "
                + event.getThrowableProxy().getClassName()
                + ": "
                + event.getThrowableProxy().getMessage()
            : line);
  }

  private void add(boolean bad, String line) {
    lines.incrementAndGet();
    last.set(line);
    if (bad) {
      error.compareAndSet(null, line);
    }
  }

  /** There was no error, and there were not too many lines. */
  public void requireQuiet() {
    if (error.get() != null) {
      throw new IllegalStateException("an error is logged: " + error.getAndSet(null));
    }
    long seconds = Duration.ofNanos(System.nanoTime() - began).toSeconds();
    if (lines.get() > AT_ONCE + PER_SECOND * seconds) {
      throw new IllegalStateException(
          "the log is flooded: " + lines + " lines in " + seconds + " s, the last: " + last);
    }
  }
}
