package io.bolina.launcher.edge;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.launcher.edge.EdgeNeeds.HostCheck;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EdgeNeedsTest {
  @TempDir private Path proc;

  private void openFiles(String hard) throws IOException {
    Files.createDirectories(proc.resolve("self"));
    Files.writeString(
        proc.resolve("self/limits"),
        "Limit      Soft Limit   Hard Limit   Units\nMax open files   1024    "
            + hard
            + "   files\n");
  }

  private Path setting(String name, String value) throws IOException {
    Path file = proc.resolve("sys").resolve(name.replace('.', '/'));
    Files.createDirectories(file.getParent());
    return Files.writeString(file, value + "\n");
  }

  private List<HostCheck> wrong(long sessions) throws IOException {
    return new EdgeNeeds(sessions)
        .compare(EdgeHost.at(proc, proc)).stream().filter(f -> !f.enough()).toList();
  }

  @Test
  void a_session_takes_an_open_file_and_envoy_some_more() throws IOException {
    openFiles("20000");
    assertThat(wrong(19_000)).isEmpty();
    HostCheck check = wrong(19_001).get(0);
    assertThat(check.fatal()).isTrue();
    assertThat(check.message())
        .contains("20,000, and 19,001 sessions need 20,001")
        .contains("max-sessions to 19000");
    openFiles("unlimited");
    assertThat(wrong(1_000_000)).isEmpty();
  }

  @Test
  void without_shared_memory_no_envoy_can_take_over_from_another() throws IOException {
    openFiles("20000");
    assertThat(new EdgeNeeds(10).compare(EdgeHost.at(proc, proc.resolve("missing"))))
        .filteredOn(check -> !check.enough())
        .singleElement()
        .satisfies(
            check -> {
              assertThat(check.what()).isEqualTo("hot restart");
              assertThat(check.fatal()).isFalse();
            });
  }

  @Test
  void a_low_soft_limit_is_told_with_what_an_envoy_needs_that_does_not_raise_it()
      throws IOException {
    openFiles("524288");
    assertThat(wrong(2_000)).isEmpty();
    assertThat(new EdgeNeeds(2_000).compare(EdgeHost.at(proc, proc)))
        .filteredOn(check -> check.what().equals("open files at start"))
        .singleElement()
        .satisfies(
            check ->
                assertThat(check.message())
                    .contains("the soft limit is 1,024, which Envoy raises")
                    .contains("ulimit -Sn 3000"));
    assertThat(new EdgeNeeds(24).compare(EdgeHost.at(proc, proc)))
        .as("1,024 is enough for 24 sessions")
        .extracting(HostCheck::what)
        .doesNotContain("open files at start");
  }

  @Test
  void small_buffers_and_few_ports_are_no_more_than_warnings() throws IOException {
    openFiles("unlimited");
    setting("net.core.rmem_default", "212992");
    setting("net.ipv4.ip_local_port_range", "32768\t60999");
    assertThat(wrong(100_000)).extracting(HostCheck::fatal).containsOnly(false);
    assertThat(wrong(100_000).toString())
        .contains("212,992")
        .contains("28,232 ports: that many sessions between this Envoy and one server");
    assertThat(wrong(28_232)).extracting(HostCheck::what).containsExactly("net.core.rmem_default");
  }

  @Test
  void tuning_raises_what_is_too_low_and_lowers_nothing() throws IOException {
    openFiles("unlimited");
    Path low = setting("net.core.rmem_default", "212992");
    Path high = setting("net.core.rmem_max", "99999999");
    Path ports = setting("net.ipv4.ip_local_port_range", "32768 60999");
    new EdgeNeeds(100_000).tune(EdgeHost.at(proc, proc));
    assertThat(low).content().isEqualTo("4194304\n");
    assertThat(high).content().isEqualTo("99999999\n");
    assertThat(ports).content().isEqualTo("10240 65535\n");
    assertThat(wrong(100_000)).isEmpty();
  }

  @Test
  void the_file_for_plain_machines_says_the_same() throws IOException {
    Path file = Path.of("../deploy/systemd/90-bolina.conf");
    try (Stream<String> lines = Files.lines(file)) {
      assertThat(lines.toList())
          .containsAll(
              new EdgeNeeds(1)
                  .settings().entrySet().stream()
                      .map(e -> e.getKey() + " = " + e.getValue())
                      .toList());
    }
  }

  @Test
  void this_machine_can_be_looked_at() throws IOException {
    assertThat(new EdgeNeeds(1).compare(EdgeHost.here()))
        .extracting(HostCheck::what)
        .contains("open files", "net.ipv4.ip_local_port_range");
  }
}
