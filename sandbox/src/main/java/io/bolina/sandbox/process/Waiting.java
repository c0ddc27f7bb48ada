package io.bolina.sandbox.process;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/** Waits for a condition, as often as it takes and no longer. */
public final class Waiting {
  /**
   * What anything takes at most that alone takes a moment, on a machine that is busy with other
   * things. Only what fails waits this long.
   */
  public static final Duration LONG = Duration.ofMinutes(2);

  private Waiting() {}

  /**
   * Returns when the condition holds. A condition that throws does not hold yet.
   *
   * @param what is waited for, as it completes "timed out waiting for"
   * @param longest after this, the wait is over
   * @param details are added to the message of the failure
   * @throws IllegalStateException if the wait is over
   */
  public static void until(
      String what, Duration longest, Callable<Boolean> condition, Supplier<String> details) {
    long end = System.nanoTime() + longest.toNanos();
    Exception last = null;
    while (System.nanoTime() < end) {
      try {
        if (condition.call()) {
          return;
        }
        last = null;
        Thread.sleep(5);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted while waiting for " + what, e);
      } catch (Exception e) {
        last = e;
        pause();
      }
    }
    throw new IllegalStateException(
        "timed out waiting for " + what + " for " + longest + ". " + details.get(), last);
  }

  private static void pause() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
