package io.bolina.watcher;

import io.bolina.runtime.ExitStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the process when a thread dies that it cannot do without. After an {@link Error} nobody
 * knows what still works; whoever supervises the process starts another one.
 */
public final class ExitOnError implements Thread.UncaughtExceptionHandler {
  private static final Logger log = LoggerFactory.getLogger(ExitOnError.class);

  private final Runnable exit;

  /** Ends this process at once, without shutdown hooks: they may need what is broken. */
  public ExitOnError() {
    this(() -> Runtime.getRuntime().halt(ExitStatus.FAILED));
  }

  /**
   * @param exit ends the process
   */
  ExitOnError(Runnable exit) {
    this.exit = exit;
  }

  @Override
  public void uncaughtException(Thread thread, Throwable error) {
    try {
      log.atError()
          .addKeyValue("thread", thread.getName())
          .setCause(error)
          .log("thread died; exiting");
    } finally {
      exit.run(); // also when there is no memory left to say so
    }
  }
}
