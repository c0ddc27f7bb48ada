package io.bolina.runtime;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;

/**
 * Handles SIGTERM and SIGINT each time they come. A shutdown hook hears of the first one only, and
 * the JVM's exit status is then no longer ours. The JDK has this in {@code sun.misc}, which is open
 * to all but warned of by the compiler; hence by reflection.
 */
public final class Signals {
  private Signals() {}

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
}
