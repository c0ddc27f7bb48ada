package io.bolina.launcher;

import static io.bolina.runtime.setting.Setting.concat;

import io.bolina.agent.Agent;
import io.bolina.agent.AgentConfig;
import io.bolina.registry.Registrar;
import io.bolina.registry.ServerToken;
import io.bolina.registry.consul.ConsulOptions;
import io.bolina.registry.consul.ConsulRegistrar;
import io.bolina.registry.consul.ConsulSettings;
import io.bolina.runtime.ExitStatus;
import io.bolina.runtime.FailureReason;
import io.bolina.runtime.Signals;
import io.bolina.runtime.Telemetry;
import io.bolina.runtime.command.ConfiguredCommand;
import io.bolina.runtime.log.Logging;
import io.bolina.runtime.setting.Setting;
import io.bolina.runtime.setting.SettingValues;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;

/** {@code bolina agent}: the reporter beside a server. */
@Command(
    name = "agent",
    subcommands = AgentDrainCommand.class,
    subcommandsRepeatable = false,
    description = {
      "Registers a server in Consul, reports its health and load, and drains it.",
      "Runs beside the server, next to a Consul agent.",
      ""
    },
    footer = {
      "",
      "The server reports by PUT /v1/status on the listen address (docs/agent.md).",
      "SIGTERM drains: closed to new clients at once; exits with 0 when the last session has ended or the",
      "drain time is over. A second SIGTERM does not wait.",
      "",
      "Example:",
      "  bolina agent --service bolina --id b-1 --address 127.0.0.1 --port 7001 --probe-udp ping",
      "  curl -X PUT http://127.0.0.1:7070/v1/status -d '{\"load\": 0.42, \"sessions\": 318}'",
      "  bolina agent drain"
    })
final class AgentCommand extends ConfiguredCommand<AgentCommand.AgentSettings> {
  /** The settings of an agent and of its registry. */
  record AgentSettings(AgentConfig agent, Optional<Path> tokenFile, ConsulSettings consul) {}

  @Override
  public List<Setting<?>> settings() {
    return concat(ConsulOptions.TO_REACH, AgentConfig.SETTINGS, Logging.SETTINGS);
  }

  @Override
  protected AgentSettings configure(SettingValues values) {
    ConsulSettings consul = values.made(() -> ConsulOptions.toReach(values)).orElse(null);
    return new AgentSettings(AgentConfig.of(values), values.find(AgentConfig.TOKEN_FILE), consul);
  }

  @Override
  protected int run(AgentSettings settings) throws IOException, InterruptedException {
    if (settings.tokenFile().isPresent()) {
      writeToken(settings.tokenFile().get(), ServerToken.of(settings.agent().server()));
    }
    Telemetry telemetry = Telemetry.create();
    try (Registrar registrar = new ConsulRegistrar(settings.consul());
        Agent agent = Agent.start(settings.agent(), registrar, telemetry)) {
      Signals.onTermination(agent::terminate);
      agent.awaitDrained();
    }
    return ExitStatus.OK;
  }

  /** As a whole or not at all: its server may be reading it. */
  private static void writeToken(Path file, String token) throws IOException {
    Path written = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.writeString(written, "BOLINA_TOKEN=" + token + "\n");
      Files.move(
          written, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new IOException("cannot write token-file " + file + ": " + FailureReason.of(e), e);
    }
  }
}
