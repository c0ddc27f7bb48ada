package io.bolina.launcher;

import io.bolina.runtime.AdminClient;
import io.bolina.runtime.ExitStatus;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code bolina watcher explain}: what a running Watcher reckons at this moment. */
@Command(
    name = "explain",
    mixinStandardHelpOptions = true,
    description = {
      "Shows what a running Watcher reckons now.",
      "How many pods it wants and why, how each stands, what is to be done and what it waits for.",
      ""
    })
final class WatcherExplainCommand implements Callable<Integer> {
  @Option(
      names = "--watcher",
      paramLabel = "URL",
      defaultValue = "http://127.0.0.1:18090",
      description = "The Watcher's admin pages. Default: ${DEFAULT-VALUE}.")
  private URI watcher;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() throws IOException, InterruptedException {
    HttpResponse<String> answer =
        new AdminClient("Watcher", watcher, "--watcher").ask("GET", "/explain", "");
    spec.commandLine().getOut().print(answer.body());
    spec.commandLine().getOut().flush();
    return answer.statusCode() == 200 ? ExitStatus.OK : ExitStatus.FAILED;
  }
}
