package io.bolina.it;

import static io.bolina.sandbox.Sandbox.SERVICE;
import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.sandbox.Sandbox;
import io.bolina.sandbox.envoy.RealEnvoy;
import io.bolina.sandbox.process.RealPart;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;

/**
 * Far more sessions than Envoy's default circuit breaker (1,024) lets through, and than the soft
 * limit of open files (1,024) that it is started with.
 */
class ManySessionsIT {
  private static final int SESSIONS = 5_000;

  @Test
  void five_thousand_sessions_through_one_envoy() throws Exception {
    try (Sandbox sandbox = new Sandbox()) {
      sandbox.servers("b-1", "b-2", "b-3", "b-4", "b-5", "b-6", "b-7", "b-8");
      sandbox.controlPlane("cp");
      // containerd's default: a soft limit of 1,024, which Envoy is to raise itself.
      Path start = sandbox.directory().resolve("envoy-with-few-open-files");
      Files.writeString(
          start, "#!/bin/sh\nulimit -Sn 1024\nexec " + RealPart.ENVOY.installed() + " \"$@\"\n");
      Files.setPosixFilePermissions(start, PosixFilePermissions.fromString("rwx------"));
      RealEnvoy envoy = sandbox.envoyBy(start, "edge");
      Crowd crowd = new Crowd(sandbox);
      crowd.arrive(SESSIONS);
      assertThat(envoy.sessions(SERVICE)).isEqualTo(SESSIONS);

      sandbox.consul().api().health("b-1", "critical", "");
      sandbox.consul().api().load(SERVICE, "b-2", 0.99, 700);
      sandbox.consul().api().deregister("b-3");
      sandbox.awaitEnvoys("b-1", "DEGRADED");
      sandbox.awaitEnvoys("b-2", "DEGRADED");
      sandbox.awaitEnvoys("b-3", "DEGRADED");
      crowd.arriveOn(200, "b-4", "b-5", "b-6", "b-7", "b-8");
      crowd.allStay();
      assertThat(envoy.sessions(SERVICE)).isEqualTo(SESSIONS + 200);
    }
  }
}
