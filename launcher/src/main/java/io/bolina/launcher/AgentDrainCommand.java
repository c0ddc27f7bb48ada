package io.bolina.launcher;

import io.bolina.runtime.AdminClient;
import io.bolina.runtime.ExitStatus;
import java.io.IOException;
import java.net.URI;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bolina agent drain}: for operators, and as a Kubernetes preStop hook. */
@Command(
    name = "drain",
    mixinStandardHelpOptions = true,
    description = {
      "Tells a running agent to take its server out of service, and waits until that is done.",
      "A second call does not wait for sessions. Works as a Kubernetes preStop hook.",
      ""
    })
final class AgentDrainCommand implements Callable<Integer> {
  @Option(
      names = "--agent",
      paramLabel = "URL",
      defaultValue = "http://127.0.0.1:7070",
      description = "The agent's listen address. Default: ${DEFAULT-VALUE}.")
  private URI agent;

  @Option(names = "--status", description = "Only show what is still waited for.")
  private boolean statusOnly;

  @Option(names = "--no-wait", description = "Do not wait until it is done.")
  private boolean noWait;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    var out = spec.commandLine().getOut();
    if (statusOnly) {
      out.print(ask("GET"));
      out.flush();
      return ExitStatus.OK;
    }
    String last = ask("POST");
    out.print(last);
    out.flush();
    try {
      while (!noWait) {
        Thread.sleep(1_000);
        String now = ask("GET");
        if (!now.replaceAll("\\d+ s more", "").equals(last.replaceAll("\\d+ s more", ""))) {
          out.print(now);
          out.flush();
          last = now;
        }
      }
    } catch (IOException e) {
      out.println("done: the agent has ended"); // which it does when the server is deregistered
    }
    return ExitStatus.OK;
  }

  private String ask(String method) throws IOException, InterruptedException {
    return new AdminClient("agent", agent, "--agent").ask(method, "/v1/drain", "").body();
  }
}
