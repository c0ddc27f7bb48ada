package io.bolina.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.launcher.Bolina;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.setting.Setting;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** With this room's jar beside it, the command line has two commands more. */
class DemoCommandsTest {
  @Test
  void every_command_has_an_option_for_each_of_its_settings() {
    CommandLine bolina = Bolina.commandLine();
    assertThat(bolina.getSubcommands()).containsKeys("demo", "server", "control-plane");
    List<String> missing = new ArrayList<>();
    bolina.getSubcommands().values().forEach(command -> collect(command, missing));
    assertThat(missing).isEmpty();
  }

  private static void collect(CommandLine commandLine, List<String> missing) {
    if (commandLine.getCommand() instanceof ConfiguredCommand<?> command) {
      for (Setting<?> setting : command.settings()) {
        if (!setting.secret()
            && commandLine.getCommandSpec().findOption("--" + setting.key()) == null) {
          missing.add(commandLine.getCommandName() + " --" + setting.key());
        }
      }
    }
    commandLine.getSubcommands().values().forEach(sub -> collect(sub, missing));
  }
}
