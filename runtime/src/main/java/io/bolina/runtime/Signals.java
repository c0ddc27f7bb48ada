package io.bolina.runtime;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/**
 * SIGTERM and SIGINT. A shutdown hook runs for the first one only, and the JVM's exit status is
 * then 143 or 130 whatever the program returns. The JDK has handlers in {@code sun.misc}, which is
 * accessible, but the compiler warns about it; hence by reflection.
 */
public final class Signals {
  /** After a signal, a command that has not stopped for so long is ended. */
  private static final Duration LONGEST_STOP = Duration.ofSeconds(20);

  private Signals() {}

  /** Runs an action on each signal. */
  public static void onTermination(Runnable action) {
    for (String name : new String[] {"TERM", "INT"}) {
      try {
        Class<?> signal = Class.forName("sun.misc.Signal");
        Class<?> handler = Class.forName("sun.misc.SignalHandler");
        InvocationHandler invocation =
            (proxy, method, arguments) -> {
              if (method.getName().equals("handle")) {
                action.run();
              }
              return null;
            };
        Object proxy =
            Proxy.newProxyInstance(
                Signals.class.getClassLoader(), new Class<?>[] {handler}, invocation);
        signal
            .getMethod("handle", signal, handler)
            .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("this JVM has no sun.misc.Signal (jdk.unsupported)", e);
      }
    }
  }

  /** Runs an action on the first signal; on the second, or when stopping takes too long, ends. */
  public static void onStop(Runnable stop) {
    CountDownLatch first = new CountDownLatch(1);
    onTermination(
        () -> {
          if (first.getCount() == 0) {
            Runtime.getRuntime().halt(ExitStatus.FAILED);
          }
          first.countDown();
          endLater();
          stop.run();
        });
  }

  /** Returns a latch that opens on the first signal; otherwise like {@link #onStop}. */
  public static CountDownLatch stopLatch() {
    CountDownLatch stop = new CountDownLatch(1);
    onStop(stop::countDown);
    return stop;
  }

  private static void endLater() {
    Thread watchdog =
        new Thread(
            () -> {
              try {
                Thread.sleep(LONGEST_STOP.toMillis());
                System.err.println("not stopped after " + LONGEST_STOP.toSeconds() + " s; exiting");
                Runtime.getRuntime().halt(ExitStatus.FAILED);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "stop-watchdog");
    watchdog.setDaemon(true);
    watchdog.start();
  }
}
