package io.bolina.it.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.bolina.it.Patience;
import io.bolina.runtime.Installation;
import io.bolina.sandbox.process.Child;
import io.bolina.sandbox.process.Command;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What {@code bolina-envoy} does when an Envoy ends, hangs or is late at a given moment. A real one
 * does none of that to order, so a script stands for it; {@link HotRestartIT} has the real one.
 */
class SupervisorIT {
  private static final String LATE = "the new one was not ready within 5 s";

  @TempDir private Path directory;
  private final int baseId = 300_000 + 2 * ThreadLocalRandom.current().nextInt(100_000);
  private final List<Child> started = new ArrayList<>();
  private Path program;
  private Path envoy;

  @BeforeEach
  void build() throws IOException {
    program = directory.resolve("bolina-envoy");
    Command.of(Installation.home().resolve("deploy/envoy/build").toString(), program.toString())
        .run();
    envoy = directory.resolve("envoy");
    try (InputStream script =
        Objects.requireNonNull(getClass().getResourceAsStream("envoy-stand-in"))) {
      Files.copy(script, envoy);
    }
    assertThat(envoy.toFile().setExecutable(true)).isTrue();
  }

  @AfterEach
  void end() throws IOException {
    started.forEach(Child::kill);
    Files.deleteIfExists(Path.of("/dev/shm/envoy_shared_memory_" + 10 * baseId));
  }

  @Test
  void one_that_never_becomes_ready_is_given_up_in_time_and_the_running_one_goes_on()
      throws Exception {
    // As a real one without a control plane.
    obeys("starting-1", "hang");
    Child supervisor = start();
    assertThat(reload().out()).contains("failed: " + LATE);
    Files.delete(directory.resolve("starting-1"));
    assertThat(reload().out()).contains("ready: epoch 1");
    assertThat(supervisor.log()).contains("the running Envoy goes on").doesNotContain("afresh");
  }

  @Test
  void the_running_one_that_ends_while_the_next_one_starts_is_missed_at_once() throws Exception {
    obeys("starting-1", "kill -KILL $(cat \"$here/pid-0\"); hang");
    Child supervisor = start();
    assertThat(reload().out()).contains("failed: the running Envoy ended meanwhile");
    assertThat(supervisor.log()).doesNotContain(LATE);
    Files.delete(directory.resolve("starting-1"));
    assertThat(reload().out()).contains("ready: epoch 1");
  }

  @Test
  void one_that_has_not_begun_to_serve_is_waited_for() throws Exception {
    obeys("starting-0", "sleep 2");
    Child supervisor = start();
    assertThat(reload().out()).contains("ready: epoch 1");
    assertThat(supervisor.log()).doesNotContain("still initializing");
  }

  @Test
  void a_restart_that_goes_on_already_does_not_answer_for_the_next_one() throws Exception {
    obeys("starting-1", ": >\"$here/begun\"; sleep 2");
    start();
    CompletableFuture<String> first = CompletableFuture.supplyAsync(this::said);
    await().until(() -> Files.exists(directory.resolve("begun")));
    obeys("validate", "exit 1");
    assertThat(reload().out()).contains("failed: its configuration is invalid");
    assertThat(first.get()).contains("ready: epoch 1");
  }

  @Test
  void one_that_does_not_end_when_it_has_handed_over_is_killed() throws Exception {
    obeys("ready-0", "trap '' TERM");
    Child supervisor = start();
    assertThat(reload().out()).contains("ready: epoch 1");
    assertThat(reload().out()).contains("ready: epoch 2");
    assertThat(supervisor.log()).contains("does not end; it is killed: epoch=0");
  }

  @Test
  void with_what_one_ends_that_has_handed_over_is_all_the_same() throws Exception {
    obeys("ready-0", "trap 'exit 139' TERM");
    Child supervisor = start();
    assertThat(reload().out()).contains("ready: epoch 1");
    await().until(() -> supervisor.log().contains("handed over: epoch=1"));
    assertThat(supervisor.log()).doesNotContain("afresh");
  }

  @Test
  void one_that_ends_before_it_has_handed_over_takes_the_next_one_with_it() throws Exception {
    Child supervisor = start();
    assertThat(reload().out()).contains("ready: epoch 1");
    Command.of("kill", "-KILL", Files.readString(directory.resolve("pid-0")).strip()).run();
    await().until(() -> supervisor.log().contains("ended too early; starting afresh"));
    assertThat(reload().out()).contains("ready: epoch 1");
  }

  @Test
  void it_ends_all_when_it_is_asked_to_while_one_hands_over() throws Exception {
    Child supervisor = start();
    assertThat(reload().out()).contains("ready: epoch 1");
    assertThat(supervisor.terminate()).isZero();
    for (String pid : List.of("pid-0", "pid-1")) {
      Path process = Path.of("/proc", Files.readString(directory.resolve(pid)).strip());
      assertThat(process).doesNotExist();
    }
  }

  @Test
  void a_state_that_is_left_over_or_put_there_by_others_harms_nobody() throws Exception {
    Child stranger = child("stranger", "sleep", "1000");
    String state = "bolina-envoy." + baseId;
    Files.writeString(directory.resolve(state), stranger.pid() + " 0 0 ready: epoch 0\n");
    Command.Ended none = reload();
    assertThat(none.status()).isEqualTo(1);
    assertThat(none.out()).contains("no running bolina-envoy");
    Path precious = Files.writeString(directory.resolve("precious"), "precious");
    for (String end : List.of(".new", ".check", ".version")) {
      Files.createSymbolicLink(directory.resolve(state + end), precious);
    }
    start();
    assertThat(reload().out()).contains("ready: epoch 1");
    assertThat(precious).hasContent("precious");
    assertThat(stranger.isAlive()).isTrue();
  }

  @Test
  void there_is_one_for_each_base_id() throws Exception {
    Child supervisor = start();
    Child second = child("second", program.toString(), "--", envoy.toString());
    assertThat(second.awaitEnd(Patience.LONG)).isEqualTo(1);
    assertThat(second.log()).contains("another bolina-envoy runs with ENVOY_BASE_ID=" + baseId);
    assertThat(reload().out()).contains("ready: epoch 1");
    assertThat(supervisor.isAlive()).isTrue();
  }

  @Test
  void it_outlives_the_reader_of_what_it_says() throws Exception {
    Child pipe =
        child(
            "piped",
            "bash",
            "-c",
            "\"$0\" -- \"$1\" 2> >(:)",
            program.toString(),
            envoy.toString());
    await().until(() -> reload().out().contains("ready: epoch 1"));
    assertThat(pipe.isAlive()).isTrue();
  }

  @Test
  void as_process_1_it_buries_what_others_leave_behind() throws Exception {
    obeys("ready-0", "(sleep 1 & echo $! >\"$here/orphan\")");
    Child unshare =
        child(
            "process-1",
            "unshare",
            "--fork",
            "--pid",
            "--kill-child",
            program.toString(),
            "--",
            envoy.toString());
    await().until(() -> Files.exists(directory.resolve("orphan")));
    String first = Command.of("pgrep", "--parent", Long.toString(unshare.pid())).run().strip();
    await().until(() -> children(first).lines().count() == 2);
    await().untilAsserted(() -> assertThat(children(first).lines()).hasSize(1));
  }

  private static String children(String pid) throws IOException {
    return Command.of("ps", "--ppid", pid, "-o", "stat=,comm=").end().out();
  }

  private void obeys(String moment, String orders) throws IOException {
    Files.writeString(directory.resolve(moment), orders + "\n");
  }

  /** Starts it; its Envoy has begun to start. */
  private Child start() throws IOException {
    Child supervisor = child("supervisor", program.toString(), "--", envoy.toString());
    await().until(() -> Files.exists(directory.resolve("pid-0")));
    return supervisor;
  }

  private Child child(String name, String... words) throws IOException {
    Child child =
        Child.start(name, List.of(words), environment(), directory.resolve(name + ".log"));
    started.add(child);
    return child;
  }

  private Command.Ended reload() throws IOException {
    Command command = Command.of(program.toString(), "reload").within(Patience.LONG);
    environment().forEach(command::with);
    return command.end();
  }

  private String said() {
    try {
      return reload().out();
    } catch (IOException e) {
      return e.toString();
    }
  }

  private Map<String, String> environment() {
    return Map.of(
        "ENVOY_SUPERVISOR_DIR",
        directory.toString(),
        "ENVOY_BASE_ID",
        Integer.toString(baseId),
        "ENVOY_HAND_OVER_S",
        "3",
        "ENVOY_READY_WITHIN_S",
        "5");
  }
}
