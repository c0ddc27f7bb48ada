package io.bolina.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProbesTest {
  /** For what answers: only one that does not takes so long. */
  private static final Duration LONG = Duration.ofMinutes(1);

  private static final Duration SHORT = Duration.ofMillis(300);

  @TempDir private Path directory;

  @Test
  void a_udp_echo_is_well_if_the_answer_is_the_expected_one() throws Exception {
    try (DatagramSocket server = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      Thread echo =
          new Thread(
              () -> {
                try {
                  while (true) {
                    DatagramPacket packet = new DatagramPacket(new byte[100], 100);
                    server.receive(packet);
                    server.send(packet);
                  }
                } catch (IOException e) {
                  // closed
                }
              });
      echo.setDaemon(true);
      echo.start();
      InetSocketAddress at = (InetSocketAddress) server.getLocalSocketAddress();
      assertThat(new UdpEcho(at, "ping", "ping", LONG).look()).isEqualTo(Probe.Finding.WELL);
      assertThat(new UdpEcho(at, "ping", "", LONG).look()).isEqualTo(Probe.Finding.WELL);
      assertThat(new UdpEcho(at, "ping", "pong", LONG).look().problem().orElseThrow())
          .contains("does not contain 'pong'");
    }
    try (DatagramSocket silent = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      InetSocketAddress at = (InetSocketAddress) silent.getLocalSocketAddress();
      assertThat(new UdpEcho(at, "ping", "", SHORT).look().problem().orElseThrow())
          .contains("no answer");
    }
  }

  @Test
  void a_process_is_looked_for_by_its_pid_file() throws Exception {
    Path file = directory.resolve("pid");
    assertThat(new ProcessAlive(file).look().problem()).isPresent();
    Files.writeString(file, ProcessHandle.current().pid() + "\n");
    assertThat(new ProcessAlive(file).look()).isEqualTo(Probe.Finding.WELL);
    Process ended = new ProcessBuilder("true").start();
    ended.waitFor();
    Files.writeString(file, Long.toString(ended.pid()));
    assertThat(new ProcessAlive(file).look().problem().orElseThrow()).contains("is not there");
    Files.writeString(file, "x");
    assertThat(new ProcessAlive(file).look().problem().orElseThrow()).contains("not hold a number");
  }

  @Test
  void cpu_load_is_the_share_of_the_limit_used_since_the_last_look() throws Exception {
    AtomicLong nanos = new AtomicLong();
    CpuLoad probe = new CpuLoad(directory, 4, nanos::get);
    Files.writeString(directory.resolve("cpu.stat"), "usage_usec 1000000\nuser_usec 5\n");
    assertThat(probe.look()).isEqualTo(Probe.Finding.WELL);
    Files.writeString(directory.resolve("cpu.stat"), "usage_usec 3000000\n");
    nanos.set(1_000_000_000L);
    // Two seconds of CPU in one second: half of four processors, all of a limit of two.
    assertThat(probe.look()).isEqualTo(Probe.Finding.loaded(0.5));
    Files.writeString(directory.resolve("cpu.max"), "200000 100000\n");
    Files.writeString(directory.resolve("cpu.stat"), "usage_usec 5000000\n");
    nanos.set(2_000_000_000L);
    assertThat(probe.look()).isEqualTo(Probe.Finding.loaded(1.0));
    Files.delete(directory.resolve("cpu.stat"));
    assertThat(probe.look()).isEqualTo(Probe.Finding.WELL);
  }

  @ParameterizedTest
  @CsvSource({
    "echo 0.25, 0.25, ''", "echo high, -1, no number", "echo -1, -1, not a number of 0 or more",
    "exit 3, -1, status 3", "sleep 5, -1, did not end", "echo NaN, -1, not a number"
  })
  void a_load_command_prints_a_number(String command, double load, String problem)
      throws Exception {
    Probe.Finding finding = new LoadCommand(command, problem.contains("end") ? SHORT : LONG).look();
    if (problem.isEmpty()) {
      assertThat(finding).isEqualTo(Probe.Finding.loaded(load));
    } else {
      assertThat(finding.problem().orElseThrow()).contains(problem);
    }
  }

  @Test
  void one_problem_is_a_warning_three_in_a_row_are_critical() {
    AtomicReference<Probe.Finding> found = new AtomicReference<>(Probe.Finding.loaded(0.4));
    Probing probing = new Probing(List.of(found::get, () -> Probe.Finding.loaded(0.2)));
    assertThat(probing.look().health()).isEqualTo(Health.PASSING);
    assertThat(probing.look().load()).contains(LoadReport.of(0.4));
    found.set(Probe.Finding.ill("dead"));
    assertThat(probing.look().health()).isEqualTo(Health.WARNING);
    assertThat(probing.look().health()).isEqualTo(Health.WARNING);
    Probing.Result third = probing.look();
    assertThat(third.health()).isEqualTo(Health.CRITICAL);
    assertThat(third.note()).isEqualTo("dead");
    found.set(Probe.Finding.WELL);
    assertThat(probing.look().health()).isEqualTo(Health.PASSING);
  }
}
