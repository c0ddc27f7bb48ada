package io.bolina.agent.probe;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.registry.model.Health;
import io.bolina.registry.model.LoadReport;
import io.bolina.runtime.FailureReason;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ProbesTest {
  /** For what must run out of time. */
  private static final Duration SHORT = Duration.ofMillis(300);

  private static final Duration LONG = Duration.ofSeconds(30);

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
      assertThat(new UdpEcho(at, "ping", "ping", LONG).run()).isEqualTo(Probe.ProbeResult.HEALTHY);
      assertThat(new UdpEcho(at, "ping", "", LONG).run()).isEqualTo(Probe.ProbeResult.HEALTHY);
      assertThat(new UdpEcho(at, "ping", "pong", LONG).run().problem().orElseThrow())
          .contains("does not contain 'pong'");
    }
    try (DatagramSocket silent = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      InetSocketAddress at = (InetSocketAddress) silent.getLocalSocketAddress();
      assertThat(new UdpEcho(at, "ping", "", SHORT).run().problem().orElseThrow())
          .contains("no answer");
    }
  }

  @Test
  void a_udp_probe_says_when_nothing_listens() throws Exception {
    InetSocketAddress closed;
    try (DatagramSocket socket = new DatagramSocket(0, InetAddress.getLoopbackAddress())) {
      closed = (InetSocketAddress) socket.getLocalSocketAddress();
    }
    assertThat(new UdpEcho(closed, "ping", "", Duration.ofSeconds(10)).run().problem())
        .contains(
            "UDP probe failed: connection refused: nothing listens on UDP "
                + closed.getHostString()
                + ":"
                + closed.getPort());
  }

  @ParameterizedTest
  @MethodSource
  void a_failure_always_has_a_reason(IOException failure, String reason) {
    assertThat(FailureReason.of(failure)).isEqualTo(reason);
  }

  static List<Arguments> a_failure_always_has_a_reason() {
    return List.of(
        Arguments.of(new IOException(), "IOException"),
        Arguments.of(new IOException("too many open files"), "too many open files"),
        Arguments.of(new NoSuchFileException("/x"), "no such file or directory"),
        Arguments.of(new AccessDeniedException("/x"), "permission denied"));
  }

  @Test
  void a_process_is_looked_for_by_its_pid_file() throws Exception {
    Path file = directory.resolve("pid");
    assertThat(new ProcessAlive(file).run().problem()).isPresent();
    Files.writeString(file, ProcessHandle.current().pid() + "\n");
    assertThat(new ProcessAlive(file).run()).isEqualTo(Probe.ProbeResult.HEALTHY);
    Process ended = new ProcessBuilder("true").start();
    ended.waitFor();
    Files.writeString(file, Long.toString(ended.pid()));
    assertThat(new ProcessAlive(file).run().problem().orElseThrow()).contains("is not running");
    Files.writeString(file, "x");
    assertThat(new ProcessAlive(file).run().problem().orElseThrow()).contains("not hold a number");
  }

  @Test
  void cpu_load_is_the_share_of_the_limit_used_since_the_last_look() throws Exception {
    AtomicLong nanos = new AtomicLong();
    CpuLoad probe = new CpuLoad(directory, 4, nanos::get);
    Files.writeString(directory.resolve("cpu.stat"), "usage_usec 1000000\nuser_usec 5\n");
    assertThat(probe.run()).isEqualTo(Probe.ProbeResult.HEALTHY);
    Files.writeString(directory.resolve("cpu.stat"), "usage_usec 3000000\n");
    nanos.set(1_000_000_000L);
    // Two seconds of CPU in one second: half of four processors, all of a limit of two.
    assertThat(probe.run()).isEqualTo(Probe.ProbeResult.ofLoad(0.5));
    Files.writeString(directory.resolve("cpu.max"), "200000 100000\n");
    Files.writeString(directory.resolve("cpu.stat"), "usage_usec 5000000\n");
    nanos.set(2_000_000_000L);
    assertThat(probe.run()).isEqualTo(Probe.ProbeResult.ofLoad(1.0));
    Files.delete(directory.resolve("cpu.stat"));
    assertThat(probe.run()).isEqualTo(Probe.ProbeResult.HEALTHY);
  }

  @ParameterizedTest
  @CsvSource({
    "echo 0.25, 0.25, ''", "echo high, -1, no number", "echo -1, -1, not a number of 0 or more",
    "exit 3, -1, status 3", "sleep 5, -1, did not end", "echo NaN, -1, not a number"
  })
  void a_load_command_prints_a_number(String command, double load, String problem)
      throws Exception {
    Probe.ProbeResult finding =
        new LoadCommand(command, problem.equals("did not end") ? SHORT : LONG).run();
    if (problem.isEmpty()) {
      assertThat(finding).isEqualTo(Probe.ProbeResult.ofLoad(load));
    } else {
      assertThat(finding.problem().orElseThrow()).contains(problem);
    }
  }

  @Test
  void one_problem_is_a_warning_three_in_a_row_are_critical() {
    AtomicReference<Probe.ProbeResult> found = new AtomicReference<>(Probe.ProbeResult.ofLoad(0.4));
    ProbeRounds rounds = new ProbeRounds(List.of(found::get, () -> Probe.ProbeResult.ofLoad(0.2)));
    assertThat(rounds.run().health()).isEqualTo(Health.PASSING);
    assertThat(rounds.run().load()).contains(LoadReport.of(0.4));
    found.set(Probe.ProbeResult.unhealthy("dead"));
    assertThat(rounds.run().health()).isEqualTo(Health.WARNING);
    assertThat(rounds.run().health()).isEqualTo(Health.WARNING);
    ProbeRounds.RoundResult third = rounds.run();
    assertThat(third.health()).isEqualTo(Health.CRITICAL);
    assertThat(third.note()).isEqualTo("dead");
    found.set(Probe.ProbeResult.HEALTHY);
    assertThat(rounds.run().health()).isEqualTo(Health.PASSING);
  }
}
