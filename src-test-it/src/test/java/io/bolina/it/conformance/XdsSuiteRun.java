package io.bolina.it.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.bolina.sandbox.process.Command;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/**
 * Runs ii/xds-test-harness, as {@code src-test-it/xds-suite PROGRAM} starts it: some ten minutes,
 * most of which the suite sleeps. Scenarios on what is not served do not count, by their names.
 */
class XdsSuiteRun {
  /** Not served: a UDP proxy has no routes. */
  private static final List<String> NOT_APPLICABLE =
      List.of("[\"RDS\"]", "[\"RDS,EDS\"]", "[\"EDS,RDS\"]");

  @Test
  void every_scenario_that_applies_passes() throws Exception {
    Path program = Path.of(System.getProperty("bolina.xds.suite"));
    // Its scenarios lie beside it, and it writes its results there.
    Path folder = program.getParent();
    assertThat(folder.resolve("features")).isDirectory();
    try (SuiteAdapter adapter = new SuiteAdapter()) {
      System.out.println(
          Command.of(
                  program.toString(),
                  "--target",
                  ":" + adapter.targetPort(),
                  "--adapter",
                  ":" + adapter.adapterPort(),
                  "--variant",
                  "sotw aggregated",
                  "--variant",
                  "incremental aggregated")
              .in(folder)
              .within(Duration.ofHours(1))
              .run());
    }
    JsonNode result = new ObjectMapper().readTree(Files.readString(folder.resolve("results.json")));
    TreeSet<String> failed = new TreeSet<>();
    for (JsonNode variant : result.findValues("failedScenarios")) {
      variant.forEach(scenario -> failed.add(scenario.path("name").asText()));
    }
    failed.removeIf(name -> NOT_APPLICABLE.stream().anyMatch(name::startsWith));
    assertThat(failed).isEmpty();
  }
}
