package io.bolina.controlplane.state;

import static io.bolina.controlplane.FleetsForTest.fleet;
import static io.bolina.controlplane.FleetsForTest.member;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.bolina.controlplane.FleetsForTest;
import io.bolina.registry.model.Fleet;
import io.bolina.registry.model.GateOrders;
import io.bolina.registry.model.GoneReport;
import io.bolina.registry.model.Health;
import io.bolina.registry.model.LastKnownFleet;
import io.bolina.registry.model.Member;
import io.bolina.registry.model.Network;
import io.bolina.registry.model.Presence;
import io.bolina.registry.model.Protection;
import io.bolina.registry.model.Source;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Telemetry;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StateFileTest {
  @TempDir private Path directory;

  private StateFile open() throws IOException {
    return open(directory);
  }

  private static StateFile open(Path directory) throws IOException {
    StateFile file = new StateFile(directory, Telemetry.create());
    file.open();
    return file;
  }

  @Provide
  Arbitrary<Fleet> fleets() {
    return FleetsForTest.anyFleet();
  }

  @Property(tries = 50)
  void any_fleet_is_read_as_it_was_written(@ForAll("fleets") Fleet fleet) throws IOException {
    Path place = Files.createTempDirectory("bolina-state-test");
    try (StateFile file = open(place)) {
      file.save(fleet);
    }
    try (StateFile file = open(place)) {
      assertThat(file.load().fleets().get("bolina"))
          .extracting(LastKnownFleet::fleet)
          .isEqualTo(fleet);
    }
    Files.delete(place.resolve("fleets.json"));
    Files.delete(place.resolve(".lock"));
    Files.delete(place);
  }

  @Test
  void it_is_written_soon_after_a_change() throws IOException {
    try (StateFile file = open()) {
      file.save(fleet(member(1, Health.PASSING, 0.123)));
      await()
          .ignoreExceptions()
          .until(() -> Files.readString(directory.resolve("fleets.json")).contains("0.123"));
      assertThat(file.load().fleets()).containsOnlyKeys("bolina");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "{",
        "[]",
        "null",
        "{\"format\": 1}",
        "{\"format\": 5, \"savedAt\": \"2026-01-01T00:00:00Z\", \"fleets\": {}}",
        "{\"format\": 3, \"savedAt\": \"2026-01-01T00:00:00Z\", \"fleets\": {}}",
        "{\"format\": 3, \"savedAt\": \"2026-01-01T00:00:00Z\", \"fleets\": {}, \"gates\": {\"bolina\": {}}}",
        "{\"format\": 2, \"savedAt\": \"2026-01-01T00:00:00Z\", \"fleets\": {\"bolina\": {}}}",
        "{\"format\": 1, \"savedAt\": \"2026-01-01T00:00:00Z\", \"fleets\": {\"bolina\": {}}}",
        "{\"format\": 1, \"savedAt\": \"2026-01-01T00:00:00Z\", \"fleets\": {\"bolina\": null}}"
      })
  void a_file_that_cannot_be_used_is_set_aside(String content) throws IOException {
    Files.writeString(directory.resolve("fleets.json"), content);
    try (StateFile file = open()) {
      assertThat(file.load()).isEqualTo(StateFile.LastKnownState.NOTHING);
    }
    assertThat(namesBesideTheLock()).singleElement().asString().startsWith("fleets.json.damaged-");
  }

  private List<String> namesBesideTheLock() throws IOException {
    try (var files = Files.list(directory)) {
      return files
          .map(f -> f.getFileName().toString())
          .filter(name -> !name.equals(".lock"))
          .sorted()
          .toList();
    }
  }

  private void write(String from, String to) throws IOException {
    Path written = directory.resolve("fleets.json");
    String content = Files.readString(written);
    assertThat(content).contains(from);
    Files.writeString(written, content.replace(from, to));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"id\":\"b-2\" | \"id\":\"\"",
        "\"id\":\"b-2\" | \"id\":7000000000000000000000, \"x\":1",
        "\"id\":\"b-2\" | \"id\":null",
        "\"id\":\"b-2\" | \"id\":\"b-2\", \"zone\":\"LONG\", \"zone\":\"LONG\"",
        "\"since\":\"2026-01-01T00:00:00Z\" | \"since\":\"+1000000000-12-31T23:59:59.999999999Z\"",
        "\"since\":\"2026-01-01T00:00:00Z\" | \"since\":\"-1000000000-01-01T00:00:00Z\"",
        "\"since\":\"2026-01-01T00:00:00Z\" | \"since\":\"yesterday\""
      })
  void one_bad_member_costs_that_member_only(String from, String to) throws IOException {
    Member first = member(1, Health.PASSING, 0.5);
    Member second = member(2, Health.PASSING, false, Presence.VANISHED, OptionalDouble.of(0.5));
    try (StateFile file = open()) {
      file.save(fleet(first, second));
    }
    write(from, to.replace("LONG", "1".repeat(40_000)));
    try (StateFile file = open()) {
      assertThat(file.load().fleets().get("bolina").fleet().members()).containsExactly(first);
    }
    assertThat(namesBesideTheLock())
        .as("the file as it was is kept")
        .hasSize(2)
        .anyMatch(name -> name.startsWith("fleets.json.damaged-"));
  }

  @Test
  void a_time_that_nobody_can_calculate_with_costs_the_file() throws IOException {
    try (StateFile file = open()) {
      file.save(fleet(member(1, Health.PASSING, 0.5)));
    }
    String written = Files.readString(directory.resolve("fleets.json"));
    Files.writeString(
        directory.resolve("fleets.json"),
        written.replaceFirst(
            "\"savedAt\":\"[^\"]*\"", "\"savedAt\":\"+1000000000-12-31T23:59:59.999999999Z\""));
    try (StateFile file = open()) {
      assertThat(file.load()).isEqualTo(StateFile.LastKnownState.NOTHING);
    }
  }

  @Test
  void what_is_too_large_is_never_read() throws IOException {
    try (RandomAccessFile sparse =
        new RandomAccessFile(directory.resolve("fleets.json").toFile(), "rw")) {
      sparse.setLength(1L << 40);
    }
    try (StateFile file = open()) {
      assertThat(file.load()).isEqualTo(StateFile.LastKnownState.NOTHING);
    }
    String gates = "{}" + ",\"x\": {}".repeat(200_000);
    Files.writeString(
        directory.resolve("fleets.json"),
        "{\"format\": 4, \"savedAt\": \"2026-01-01T00:00:00Z\", \"fleets\": {}, \"gates\": {\"a\": "
            + gates
            + "}}");
    try (StateFile file = open()) {
      assertThat(file.load()).isEqualTo(StateFile.LastKnownState.NOTHING);
    }
    assertThat(namesBesideTheLock())
        .hasSize(2)
        .allMatch(name -> name.startsWith("fleets.json.damaged-"));
  }

  @Test
  void what_is_no_file_is_set_aside_and_never_waited_for() throws Exception {
    Path there = directory.resolve("fleets.json");
    assertThat(new ProcessBuilder("mkfifo", there.toString()).start().waitFor()).isZero();
    try (StateFile file = open()) {
      assertThat(file.load()).isEqualTo(StateFile.LastKnownState.NOTHING);
    }
    Files.createDirectories(there.resolve("below"));
    try (StateFile file = open()) {
      assertThat(file.load()).isEqualTo(StateFile.LastKnownState.NOTHING);
      file.save(fleet(member(1, Health.PASSING, 0.5)));
    }
    assertThat(there).isRegularFile();
  }

  @Test
  void a_symbolic_link_is_followed_once_and_then_replaced() throws IOException {
    Path elsewhere = Files.createDirectories(directory.resolve("elsewhere")).resolve("x.json");
    Fleet fleet = fleet(member(1, Health.PASSING, 0.5));
    try (StateFile file = open()) {
      file.save(fleet);
    }
    Files.move(directory.resolve("fleets.json"), elsewhere);
    Files.createSymbolicLink(directory.resolve("fleets.json"), elsewhere);
    byte[] before = Files.readAllBytes(elsewhere);
    try (StateFile file = open()) {
      assertThat(file.load().fleets()).hasSize(1);
      file.save(fleet(member(1, Health.CRITICAL, 0.5)));
    }
    assertThat(Files.isSymbolicLink(directory.resolve("fleets.json"))).isFalse();
    assertThat(elsewhere).hasBinaryContent(before);
  }

  @Test
  void nobody_else_may_read_it_whatever_lies_where_it_is_written() throws IOException {
    Path precious = Files.writeString(directory.resolve("precious"), "x");
    Files.createSymbolicLink(directory.resolve("fleets.json.new"), precious);
    try (StateFile file = open()) {
      file.save(fleet(member(1, Health.PASSING, 0.5)));
    }
    assertThat(precious).hasContent("x");
    for (String name : List.of("fleets.json", ".lock")) {
      assertThat(
              PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve(name))))
          .isEqualTo("rw-------");
    }
  }

  @Test
  void a_directory_belongs_to_one_process_which_is_named() throws Exception {
    try (StateFile file = open()) {
      file.save(fleet(member(1, Health.PASSING, 0.5)));
      assertThatThrownBy(this::open)
          .hasMessage(
              "state-dir: "
                  + directory
                  + " is in use by this process, process "
                  + ProcessHandle.current().pid()
                  + "; stop that, or choose another directory: each replica needs its own");
    }
    open().close();
    Process other =
        new ProcessBuilder(
                System.getProperty("java.home") + "/bin/java",
                "-cp",
                System.getProperty("java.class.path"),
                LockHolder.class.getName(),
                directory.toString())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat(other.inputReader().readLine()).isEqualTo("taken");
      assertThatThrownBy(this::open)
          .hasMessageStartingWith(
              "state-dir: " + directory + " is in use by process " + other.pid() + ";");
    } finally {
      other.destroyForcibly().waitFor();
    }
    open().close(); // a lock ends with its process
  }

  /** Another process. */
  static final class LockHolder {
    private LockHolder() {}

    public static void main(String[] directory) throws Exception {
      try (StateLock lock = StateLock.take(Path.of(directory[0]))) {
        System.out.println("taken");
        Thread.sleep(600_000);
      }
    }
  }

  @Test
  void a_file_of_the_version_before_orders_to_drain_is_read() throws IOException {
    Fleet fleet =
        fleet(
            member(1, Health.WARNING, true, Presence.LISTED, OptionalDouble.of(0.3)),
            member(2, Health.PASSING, false, Presence.VANISHED, OptionalDouble.empty()));
    try (StateFile file = open()) {
      file.save(fleet);
    }
    Path written = directory.resolve("fleets.json");
    String asItWas =
        Files.readString(written)
            .replace("\"format\":4", "\"format\":1")
            .replace(",\"gates\":{}", "")
            .replace("\"maintenance\":", "\"draining\":")
            .replace("\"order\":null,", "")
            .replace("\"gone\":null,\"goneHeld\":false,", "")
            .replace("\"reportExpired\":false,", "")
            .replace("\"othersHere\":[],", "")
            .replace(",\"gone\":{\"heard\":null,\"problem\":null}", "")
            .replace(",\"goneProtection\":{\"heldSince\":null,\"reason\":\"\"}", "")
            .replace(",\"orders\":{\"heard\":null,\"problem\":null}", "")
            .replace(",\"ordersInAdvance\":{}", "");
    assertThat(asItWas)
        .doesNotContain("order")
        .doesNotContain("gone")
        .doesNotContain("Expired")
        .doesNotContain("maintenance")
        .doesNotContain("gates");
    Files.writeString(written, asItWas);
    try (StateFile file = open()) {
      assertThat(file.load().fleets().get("bolina"))
          .extracting(LastKnownFleet::fleet)
          .isEqualTo(fleet);
    }
  }

  @Test
  void what_is_said_of_the_end_of_servers_is_kept() throws IOException {
    Member ended = member(1, Health.CRITICAL, 0.5);
    GoneReport report =
        GoneReport.of(ended.server(), "agent", Instant.parse("2026-01-01T00:00:00Z"), "killed");
    Fleet fleet =
        fleet(ended.withGone(Optional.of(report), true), member(2, Health.PASSING, 0.5))
            .withGone(
                List.of(ended.withGone(Optional.of(report), true)),
                new Protection(Optional.of(Instant.EPOCH), "too many"));
    try (StateFile file = open()) {
      file.save(fleet);
    }
    try (StateFile file = open()) {
      assertThat(file.load().fleets().get("bolina"))
          .extracting(LastKnownFleet::fleet)
          .isEqualTo(fleet);
    }
  }

  @Test
  void orders_for_the_gate_are_kept_beside_the_fleets() throws IOException {
    GateOrders orders =
        new GateOrders(
            "bolina",
            true,
            List.of(Network.parse("2001:db8::/32"), Network.parse("10.0.0.0/8")),
            Source.NEVER_UPDATED.failing("no answer"));
    Fleet fleet = fleet(member(1, Health.PASSING, 0.5));
    try (StateFile file = open()) {
      file.save(fleet);
      file.save(orders);
      await()
          .ignoreExceptions()
          .until(() -> Files.readString(directory.resolve("fleets.json")).contains("10.0.0.0"));
    }
    try (StateFile file = open()) {
      StateFile.LastKnownState known = file.load();
      assertThat(known.gates()).containsExactly(Map.entry("bolina", orders));
      file.save(fleet(member(1, Health.PASSING, 0.6)));
    }
    try (StateFile file = open()) {
      assertThat(file.load().gates()).as("kept by whoever saves fleets only").hasSize(1);
    }
  }

  @Test
  void what_was_known_of_another_service_is_kept() throws IOException {
    Fleet other =
        new Fleet(
            "other",
            List.of(),
            fleet().protection(),
            fleet().health(),
            fleet().load(),
            fleet().orders(),
            Map.of());
    try (StateFile file = open()) {
      file.save(other);
      file.save(fleet(member(1, Health.PASSING, 0.1)));
    }
    try (StateFile file = open()) {
      Map<String, LastKnownFleet> known = file.load().fleets();
      assertThat(known).containsOnlyKeys("other", "bolina");
    }
  }

  @Test
  void a_directory_that_cannot_be_used_is_an_error_that_says_why() throws IOException {
    Path file = Files.writeString(directory.resolve("a-file"), "x");
    assertThatThrownBy(() -> open(file.resolve("below")))
        .isInstanceOf(IOException.class)
        .hasMessage("state-dir: " + file.resolve("below") + " cannot be created: not a directory");
    assertThatThrownBy(() -> open(file))
        .isInstanceOf(IOException.class)
        .hasMessage("state-dir: " + file + " cannot be created: it exists and is not a directory");
    // Nobody may make a directory there, root neither.
    assertThatThrownBy(() -> open(Path.of("/proc/bolina")))
        .hasMessage("state-dir: /proc/bolina cannot be created: no such file or directory");
    // Nor write here.
    assertThatThrownBy(() -> open(Path.of("/proc/self")))
        .hasMessageStartingWith("state-dir: /proc/self cannot be written: ");
    assertThat(FailureReason.of(new AccessDeniedException("/x"))).isEqualTo("permission denied");
  }

  @Test
  void a_check_leaves_nothing_behind() throws IOException {
    assertThat(StateFile.check(directory.resolve("new").resolve("below"))).isEmpty();
    assertThat(StateFile.check(directory)).isEmpty();
    Path file = Files.writeString(directory.resolve("a-file"), "x");
    assertThat(StateFile.check(file.resolve("below"))).isPresent();
    assertThat(StateFile.check(Path.of("/proc/bolina"))).isPresent();
    try (var files = Files.list(directory)) {
      assertThat(files).as("no lock either").containsExactly(file);
    }
  }

  @Test
  void a_file_that_was_only_read_is_not_written_as_if_somebody_had_watched() throws IOException {
    try (StateFile file = open()) {
      file.save(fleet(member(1, Health.PASSING, 0.5)));
    }
    byte[] before = Files.readAllBytes(directory.resolve("fleets.json"));
    try (StateFile file = open()) {
      assertThat(file.load().fleets()).hasSize(1);
    }
    assertThat(Files.readAllBytes(directory.resolve("fleets.json"))).isEqualTo(before);
  }
}
