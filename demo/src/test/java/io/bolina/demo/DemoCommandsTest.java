package io.bolina.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.bolina.launcher.Bolina;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.setting.Setting;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class DemoCommandsTest {
  @ParameterizedTest
  @ValueSource(strings = {"demo", "server"})
  void a_command_of_the_demo_has_an_option_for_each_of_its_settings(String name) {
    CommandLine command = Bolina.commandLine().getSubcommands().get(name);
    ConfiguredCommand<?> configured = command.getCommand();
    assertThat(configured.settings()).isNotEmpty();
    for (Setting<?> setting : configured.settings()) {
      assertThat(command.getCommandSpec().findOption("--" + setting.key()))
          .as(setting.key())
          .isNotNull();
    }
  }
}
