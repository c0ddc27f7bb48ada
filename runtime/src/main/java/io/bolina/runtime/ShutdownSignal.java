package io.bolina.runtime;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** SIGTERM and Ctrl-C as a latch, so that a command ends in its own order. */
public final class ShutdownSignal {
  private static final int LONGEST_STOP_SECONDS = 20;

  private ShutdownSignal() {}

  /**
   * Returns a latch that opens on the first signal.
   *
   * @param stopped is opened by the command when it has stopped, for which the JVM waits, though
   *     not for ever
   */
  public static CountDownLatch until(CountDownLatch stopped) {
    CountDownLatch stop = new CountDownLatch(1);
    onSignal(stop::countDown, stopped);
    return stop;
  }

  /** The same for a command that is to be interrupted by a signal. */
  public static void interrupt(Thread command, CountDownLatch stopped) {
    onSignal(command::interrupt, stopped);
  }

  private static void onSignal(Runnable stop, CountDownLatch stopped) {
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  stop.run();
                  try {
                    if (!stopped.await(LONGEST_STOP_SECONDS, TimeUnit.SECONDS)) {
                      System.err.println(
                          "not stopped after " + LONGEST_STOP_SECONDS + " s: giving up");
                    }
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                },
                "stop-signal"));
  }
}
