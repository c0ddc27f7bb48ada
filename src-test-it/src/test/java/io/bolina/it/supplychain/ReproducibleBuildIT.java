package io.bolina.it.supplychain;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.runtime.Installation;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Two builds of the same sources are the same bytes, whoever made them and where. */
class ReproducibleBuildIT {
  @Test
  void what_is_shipped_is_the_same_when_it_is_built_again() throws Exception {
    Path script = Installation.home().resolve("deploy/supply-chain/reproduce");
    ProcessBuilder builder = new ProcessBuilder(script.toString()).redirectErrorStream(true);
    // Everything was fetched for the first build.
    builder.environment().put("REPRODUCE_MAVEN", "-o");
    builder.redirectInput(new File("/dev/null"));
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    for (String file :
        List.of("bolina.jar", "bolina.cdx.json", "bolina-demo.jar", "gate.cdx.json")) {
      assertThat(output).containsPattern("(?m)^same +[0-9a-f]{64} +.*" + file + "$");
    }
  }
}
