package io.bolina.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.agent.AgentRequestFuzz;
import io.bolina.agent.StatusReportFuzz;
import io.bolina.controlplane.config.ConfigurationFuzz;
import io.bolina.controlplane.state.StateFileFuzz;
import io.bolina.controlplane.stream.XdsPortFuzz;
import io.bolina.controlplane.stream.XdsRequestFuzz;
import io.bolina.controlplane.stream.XdsStreamFuzz;
import io.bolina.launcher.SettingsFuzz;
import io.bolina.registry.consul.HealthAnswerFuzz;
import io.bolina.registry.consul.KeyValueFuzz;
import io.bolina.runtime.http.PageAccessFuzz;
import io.bolina.runtime.http.PagesFuzz;
import io.bolina.runtime.tls.PemFileFuzz;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The short form of {@code fuzz/run}: all seeds, among them what was found, and a fixed number of
 * mutations of them that are the same each time.
 */
class ShortFuzzTest {
  @FunctionalInterface
  interface Target {
    void run(byte[] data) throws Exception;
  }

  static Stream<Fuzzed> targets() {
    return Stream.of(
        new Fuzzed("XdsRequest", 20_000, XdsRequestFuzz::fuzzerTestOneInput),
        new Fuzzed("XdsStream", 3_000, XdsStreamFuzz::fuzzerTestOneInput),
        new Fuzzed("XdsPort", 500, XdsPortFuzz::fuzzerTestOneInput),
        new Fuzzed("HealthAnswer", 20_000, HealthAnswerFuzz::fuzzerTestOneInput),
        new Fuzzed("KeyValue", 20_000, KeyValueFuzz::fuzzerTestOneInput),
        new Fuzzed("StateFile", 20_000, StateFileFuzz::fuzzerTestOneInput),
        new Fuzzed("Configuration", 5_000, ConfigurationFuzz::fuzzerTestOneInput),
        new Fuzzed("Settings", 3_000, SettingsFuzz::fuzzerTestOneInput),
        new Fuzzed("AgentRequest", 300, AgentRequestFuzz::fuzzerTestOneInput),
        new Fuzzed("StatusReport", 20_000, StatusReportFuzz::fuzzerTestOneInput),
        new Fuzzed("PageAccess", 20_000, PageAccessFuzz::fuzzerTestOneInput),
        new Fuzzed("Pages", 1_000, PagesFuzz::fuzzerTestOneInput),
        new Fuzzed("PemFile", 3_000, PemFileFuzz::fuzzerTestOneInput));
  }

  /**
   * What is fuzzed.
   *
   * @param name the class, the folder of its seeds, and {@code fuzz/run} say it by this name
   * @param cases of the short form
   */
  record Fuzzed(String name, int cases, Target target) {
    private List<byte[]> seeds() throws IOException {
      try (Stream<Path> files = Files.list(Path.of("seeds", name))) {
        return files.sorted().map(Fuzzed::bytes).toList();
      }
    }

    @Override
    public String toString() {
      return name;
    }

    private static byte[] bytes(Path file) {
      try {
        return Files.readAllBytes(file);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("targets")
  void seeds_and_mutations_of_them_do_no_harm(Fuzzed fuzzed) throws IOException {
    List<byte[]> seeds = fuzzed.seeds();
    assertThat(seeds).isNotEmpty();
    for (byte[] seed : seeds) {
      run(fuzzed, seed);
    }
    Mutations mutations = new Mutations(seeds, 1);
    for (int i = 0; i < fuzzed.cases; i++) {
      run(fuzzed, mutations.next());
    }
  }

  private static void run(Fuzzed fuzzed, byte[] data) {
    try {
      fuzzed.target.run(data.clone());
    } catch (Exception | StackOverflowError e) {
      String input = Base64.getEncoder().encodeToString(data);
      throw new AssertionError(
          fuzzed.name + " fails with this, in Base64; keep it as a seed: " + input, e);
    }
  }
}
