package io.bolina.fuzz;

import com.code_intelligence.jazzer.api.BugDetectors;

/** Where a fuzzed program may connect: Jazzer takes every other connection for a finding. */
public final class Loopback {
  private static final String DETECTOR =
      "com.code_intelligence.jazzer.sanitizers.ServerSideRequestForgery";

  private Loopback() {}

  /** Allows connections to this host by its loopback addresses, where Jazzer looks at them. */
  public static void allow() {
    try {
      Class.forName(DETECTOR);
    } catch (ClassNotFoundException e) {
      return; // the short form: nobody looks
    }
    BugDetectors.allowNetworkConnections(Loopback::is);
  }

  private static boolean is(String host, int port) {
    return port > 0
        && (host.equals("localhost") || host.equals("::1") || host.matches("127(\\.\\d{1,3}){3}"));
  }
}
