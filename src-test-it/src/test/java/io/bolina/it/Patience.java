package io.bolina.it;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/**
 * How long a test waits for a condition, and how often it asks, unless it says otherwise. Three
 * JVMs and a Kubernetes share the machine, so what takes a moment alone can take many; only a test
 * that fails waits this long.
 */
public final class Patience implements LauncherSessionListener {
  @Override
  public void launcherSessionOpened(LauncherSession session) {
    Awaitility.setDefaultTimeout(Duration.ofSeconds(40));
    Awaitility.setDefaultPollInterval(Duration.ofMillis(200)); // asking costs others' time too
  }
}
