package io.bolina.sandbox.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CommandTest {
  @TempDir private Path directory;

  private static Command sh(String script) {
    return Command.of("sh", "-c", script);
  }

  @Test
  void it_has_its_directory_environment_and_input_and_returns_its_output() throws IOException {
    assertThat(
            sh("pwd; echo $A; cat; echo wrong >&2")
                .in(directory.toRealPath())
                .with("A", "b")
                .input("c\n")
                .run())
        .isEqualTo(directory.toRealPath() + "\nb\nc\nwrong\n");
    assertThat(sh("echo out; echo err >&2; exit 3").errorsApart().end())
        .isEqualTo(new Command.Ended(3, "out\n", "err\n"));
    assertThat(sh("exit 3").expect(3).out()).isEmpty();
    assertThat(sh("exec <&-; exit 0").input("x".repeat(1 << 20)).run()).isEmpty();
  }

  @Test
  void a_failure_shows_the_command_the_status_and_the_end_of_the_output() {
    assertThatThrownBy(() -> sh("seq 10000; echo why >&2; exit 7").run())
        .isInstanceOf(IOException.class)
        .hasMessageContaining("sh -c seq 10000")
        .hasMessageContaining("ended with status 7")
        .hasMessageEndingWith("\n10000\nwhy")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n50\n"));
    assertThatThrownBy(() -> sh("true").expect(2)).hasMessageContaining("status 0 instead of 2");
    assertThatThrownBy(() -> Command.of("no-such-command").end()).isInstanceOf(IOException.class);
  }

  @Test
  void one_that_takes_too_long_is_killed_with_what_it_started() {
    Path pid = directory.resolve("pid");
    assertThatThrownBy(
            () ->
                sh("echo begun; sleep 1000 & echo $! >" + pid + "; wait")
                    .within(Duration.ofSeconds(5))
                    .end())
        .hasMessageContaining("did not end within PT5S")
        .hasMessageContaining("begun");
    assertThat(pid)
        .satisfies(
            file -> {
              long started = Long.parseLong(Files.readString(file).strip());
              Waiting.until(
                  "the end of what it started",
                  Duration.ofSeconds(60),
                  () -> ProcessHandle.of(started).filter(ProcessHandle::isAlive).isEmpty(),
                  () -> "");
            });
  }

  @Test
  void too_much_output_is_a_failure_and_what_it_left_behind_does_not_hold_it_up()
      throws IOException {
    assertThatThrownBy(() -> sh("head -c 20000000 /dev/zero").end())
        .hasMessageContaining("wrote more than " + Command.MOST_OUTPUT);
    String left = sh("sleep 1000 >/dev/null 2>&1 & echo $!").run().strip();
    assertThat(ProcessHandle.of(Long.parseLong(left)).orElseThrow().destroy()).isTrue();
  }
}
