package io.bolina.it;

import io.bolina.sandbox.process.Waiting;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/**
 * How long a test waits for a condition, and how often it asks. Three JVMs and a Kubernetes share
 * the machine, and others may too, so what takes a moment alone can take many; only a test that
 * fails waits this long.
 */
public final class Patience implements LauncherSessionListener {
  /** For anything on this machine. */
  public static final Duration LONG = Waiting.LONG;

  /** For what starts pods or processes by the dozen. */
  public static final Duration VERY_LONG = Duration.ofMinutes(6);

  @Override
  public void launcherSessionOpened(LauncherSession session) {
    Awaitility.setDefaultTimeout(LONG);
    Awaitility.setDefaultPollInterval(Duration.ofMillis(200)); // asking costs others' time too
  }
}
