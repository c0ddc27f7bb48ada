package io.bolina.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.bolina.agent.probe.UdpEcho;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.Server;
import io.bolina.runtime.setting.InvalidSettings;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AgentConfigTest {
  private static final Map<String, List<String>> REQUIRED =
      Map.of(
          "service", List.of("bolina"),
          "id", List.of("b-1"),
          "address", List.of("10.0.0.7"),
          "port", List.of("7001"));

  @TempDir private Path directory;

  private static AgentConfig read(Map<String, List<String>> commandLine, Optional<Path> file) {
    SettingValues values = SettingValues.read(AgentConfig.SETTINGS, commandLine, file, Map.of());
    return values.madeOrInvalid(() -> AgentConfig.of(values));
  }

  @Test
  void the_defaults_are_those_of_the_parts() {
    assertThat(read(REQUIRED, Optional.empty()))
        .isEqualTo(AgentConfig.of(new Server("b-1", "bolina", "10.0.0.7", 7001, "", Map.of())));
  }

  @Test
  void every_setting_can_be_given_in_the_file() throws IOException {
    Path tokens = Files.writeString(directory.resolve("tokens"), "0123456789abcdef\n");
    String yaml =
        """
        service: bolina
        id: b-1
        address: 10.0.0.7
        port: 7001
        zone: a
        meta: {rack: r1}
        listen: 127.0.0.1:7071
        listen-socket: /run/agent.sock
        listen-token-file: %s
        listen-name: [agent.example]
        token-file: /run/token
        ttl: 20s
        silence-warning: 5s
        silence-critical: 15s
        at-start: critical
        load-dead-band: 0.1
        load-interval: 2s
        overloaded-at: 0.85
        weight-steps: 0:100,0.6:60
        drain-time: 5m
        shutdown-time: 90s
        probe-udp: ping=pong
        probe-pid-file: /run/server.pid
        probe-cgroup: %s
        load-command: echo 1
        """
            .formatted(tokens, directory);
    Files.createFile(directory.resolve("cpu.stat"));
    for (Setting<?> setting : AgentConfig.SETTINGS) {
      assertThat(yaml).as("this test must give every setting").contains(setting.key() + ":");
    }
    AgentConfig config =
        read(Map.of(), Optional.of(Files.writeString(directory.resolve("a.yaml"), yaml)));
    assertThat(config.server().metadata()).isEqualTo(Map.of("rack", "r1"));
    assertThat(config.server().zone()).isEqualTo("a");
    assertThat(config.listenPort()).isEqualTo(7071);
    assertThat(config.access())
        .isEqualTo(
            new AgentAccess(
                Optional.of(Path.of("/run/agent.sock")),
                Optional.of(tokens),
                List.of("agent.example")));
    assertThat(config.timeToLive()).isEqualTo(Duration.ofSeconds(20));
    assertThat(config.deadlines())
        .isEqualTo(
            new ReportDeadlines(Duration.ofSeconds(5), Duration.ofSeconds(15), Health.CRITICAL));
    assertThat(config.loadWrites().thresholds().all()).containsExactly(0.6, 0.85);
    assertThat(config.drain())
        .isEqualTo(new DrainPolicy(Duration.ofMinutes(5), Optional.of(Duration.ofSeconds(90))));
    assertThat(config.probes()).hasSize(4);
    assertThat(config.probes().get(0))
        .isInstanceOfSatisfying(
            UdpEcho.class, probe -> assertThat(probe.expected()).isEqualTo("pong"));
  }

  @Test
  void what_does_not_fit_together_names_the_setting() throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("a.yaml"), "silence-warning: 40s\nsilence-critical: 30s\n");
    assertThat(
            catchThrowableOfType(InvalidSettings.class, () -> read(REQUIRED, Optional.of(file)))
                .errors())
        .containsExactly(file + ":1: silence-warning: 40s is more than silence-critical 30s");
  }

  @Test
  void a_server_that_cannot_be_is_the_fault_of_a_setting() {
    Map<String, List<String>> wrong = new HashMap<>(REQUIRED);
    wrong.put("id", List.of("b".repeat(513)));
    wrong.put("address", List.of("::0"));
    assertThat(
            catchThrowableOfType(InvalidSettings.class, () -> read(wrong, Optional.empty()))
                .errors())
        .containsExactly(
            "--id: is longer than 512 characters",
            "--address: '::0' is not an IP address that Envoy could send to");
  }
}
